// A certificate that does not fit: its key is another's, it does not cover the name of its site, or its chain is in disorder.

import type { X509Certificate } from 'node:crypto'
import type { Finding } from '#proto/contract/diagnosis.ts'
import { covers } from '../../reality/web/certificates.ts'
import type { Check, Facts } from '../check.ts'
import { finding, lastOf, next, quoted, seen } from '../say.ts'
import { belongTogether, chainIn, lacksIssuer, type Pair, pairsOf } from '../tls.ts'
import { isNamed, watchUnits } from '../units.ts'
import { topicsOf } from '../words.ts'

const SAID =
  /key values mismatch|X509_check_private_key|key does not match|private key does not match|inconsistencies between private key and certificate|tls: private key does not match public key|KEY_VALUES_MISMATCH|do(?:es)? not match the (?:private )?key/i
const NAME = /^[\w-]+(?:\.[\w-]+)+$/

const namesOf = (certificate: X509Certificate): string[] => {
  const names = (certificate.subjectAltName ?? '')
    .split(', ')
    .flatMap((each) => /^(?:DNS|IP Address):(.+)$/.exec(each)?.[1] ?? [])
  return names.length > 0 ? names : [/^CN=(.+)$/m.exec(certificate.subject)?.[1] ?? '']
}

/** Each certificate of the file but the last is issued by the one after it. */
const inDisorder = (chain: readonly X509Certificate[]): boolean =>
  chain.some((each, i) => {
    const above = chain[i + 1]
    return above !== undefined && !each.checkIssued(above) && each.fingerprint256 !== above.fingerprint256
  })

function judge({ certificate: path, key, names, user }: Pair, facts: Facts): Finding | undefined {
  const { host, now } = facts
  const chain = chainIn(host, path)
  const [own] = chain
  if (!own) return undefined
  const say = (title: string, confidence: number, text: string, severity: Finding['severity'] = 'high'): Finding =>
    finding({
      cause: 'CERTIFICATE_MISMATCH',
      subject: path,
      title,
      severity,
      confidence,
      impact: names.filter((name) => NAME.test(name)).map((name) => `clients refuse ${name}`),
      evidence: [seen(path, now, text)],
      next: [next.reality('certificates', 'Which certificates there are, and for which names'), next.journal(user)],
      explains: [user, ...names],
    })
  if (key !== undefined && belongTogether(host, own, key) === false)
    return say(
      `the certificate ${path} does not belong to the key ${key}`,
      0.97,
      `its public key is not that of ${key}`,
    )
  const valid = namesOf(own)
  const asked = names.filter((name) => NAME.test(name))
  const uncovered = asked.filter((name) => !valid.some((each) => covers(each, name)))
  // That one more name of a site is not covered is common, and nobody's loss until somebody asks for it.
  const minor = uncovered.length < asked.length && !uncovered.some((name) => isNamed(facts, name))
  if (uncovered[0] !== undefined)
    return say(
      `the certificate ${path} does not cover ${uncovered[0]}, which the site that uses it is named`,
      0.95,
      `it is for ${valid.join(', ')}`,
      minor ? 'low' : 'high',
    )
  if (inDisorder(chain))
    return say(
      `the chain in ${path} is not in order: a certificate in it is not issued by the one after it`,
      0.8,
      chain.map(({ subject }) => subject.replaceAll('\n', ', ')).join(' → '),
      own.ca ? 'high' : 'medium',
    )
  const last = chain.at(-1) ?? own
  if (lacksIssuer(last, host))
    return say(
      `the chain in ${path} ends at a certificate whose issuer is missing: who has not got that one refuses it`,
      0.75,
      `${last.subject.replaceAll('\n', ', ')}, issued by ${last.issuer.replaceAll('\n', ', ')}, which is neither in the file nor trusted by this host`,
      // An authority of one's own need not be known to this host.
      topicsOf(facts.question.problem).has('tls') || names.some((name) => isNamed(facts, name)) ? 'medium' : 'low',
    )
  return undefined
}

export const certificateMismatch: Check = {
  name: 'certificates, keys and names',
  topics: ['tls', 'web'],
  async run(facts) {
    const watched = await watchUnits(facts)
    const read = lastOf(
      pairsOf(facts).flatMap((pair) => judge(pair, facts) ?? []),
      ({ subject, title }) => `${subject} ${title}`,
    )
    const said = watched.flatMap(({ id, lines, state }) => {
      const line = lines.findLast(({ text }) => SAID.test(text))
      if (!line || (state === 'running' && read.length === 0 && !/emerg|error|fatal/i.test(line.text))) return []
      const path = /"?(\/[^\s"':]+\.(?:pem|key|crt|cer|cert))/.exec(line.text)?.[1]
      return finding({
        cause: 'CERTIFICATE_MISMATCH',
        subject: id,
        title: `${id} says that its certificate and key do not belong together${path ? ` (${path})` : ''}`,
        severity: state !== 'running' ? 'high' : 'medium',
        confidence: 0.95,
        evidence: [quoted(line)],
        next: [next.journal(id)],
        explains: [id],
      })
    })
    // The file's own finding says more than the complaint about it.
    return [...read, ...said.filter(() => read.every(({ confidence }) => confidence < 0.96))]
  },
}
