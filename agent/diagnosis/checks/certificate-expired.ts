// A certificate that has expired, is not valid yet, or will soon expire: as it lies in its file, and as it is shown to clients.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Check, Facts } from '../check.ts'
import { finding, lastOf, next, seen } from '../say.ts'
import { chainIn, pairsOf } from '../tls.ts'

const DAY = 86_400_000
const SOON = 14 * DAY
const VERY_SOON = 3 * DAY

type Seen = { path: string; names: string[]; users: string[]; from: number; to: number; shown: boolean }

const day = (time: number): string => new Date(time).toISOString().slice(0, 10)

function ofFiles(facts: Facts): Seen[] {
  const known = facts.reality.certificates.filter(({ notAfter }) => notAfter > 0)
  const listed = new Set(known.map(({ path }) => path))
  const pairs = pairsOf(facts)
  const usersOf = (path: string): string[] => [
    ...new Set(pairs.filter(({ certificate }) => certificate === path).map(({ user }) => user)),
  ]
  const others = lastOf(
    pairs.filter(({ certificate }) => !listed.has(certificate)),
    ({ certificate }) => certificate,
  )
  return [
    ...known.map((each) => ({
      path: each.path,
      names: each.usedBy.length > 0 ? each.usedBy : each.names,
      users: [...usersOf(each.path), ...(each.usedBy.length > 0 ? ['a web server'] : [])],
      from: each.notBefore,
      to: each.notAfter,
      shown: false,
    })),
    ...others.flatMap(({ certificate: path, user }): Seen[] => {
      const [first] = chainIn(facts.host, path)
      return first
        ? [
            {
              path,
              names: [],
              users: [user],
              from: Date.parse(first.validFrom),
              to: Date.parse(first.validTo),
              shown: false,
            },
          ]
        : []
    }),
  ]
}

function judge({ path, names, users, from, to }: Seen, now: number): Finding | undefined {
  const left = to - now
  if (left > SOON && from <= now) return undefined
  const used = users.length > 0
  const over = left <= 0
  const early = from > now
  const days = Math.max(0, Math.ceil(Math.abs(left) / DAY))
  const severity = !used ? 'low' : over || early || left < VERY_SOON ? 'high' : left < SOON / 2 ? 'medium' : 'low'
  const what = early
    ? `is not valid before ${day(from)}`
    : over
      ? `expired ${days} day${days === 1 ? '' : 's'} ago, on ${day(to)}`
      : `expires in ${days} day${days === 1 ? '' : 's'}`
  return finding({
    cause: 'CERTIFICATE_EXPIRED',
    subject: path,
    title: `the certificate ${path}${names.length > 0 ? ` (${names.slice(0, 3).join(', ')})` : ''} ${what}`,
    severity,
    confidence: used ? 0.97 : 0.6,
    impact: over || early ? names.map((name) => `clients refuse ${name}`) : [],
    evidence: [
      seen(path, now, `valid from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`),
      ...(used ? [seen('configuration', now, `used by ${users.join(', ')}`)] : []),
    ],
    next: [
      next.reality('certificates', 'Which certificates there are, and until when'),
      next.run(`openssl x509 -noout -dates -subject -in ${path}`, 'The certificate itself'),
    ],
    explains: over || early ? names : [],
  })
}

export const certificateExpired: Check = {
  name: 'certificates and their time',
  topics: ['tls', 'web'],
  run: (facts) => ofFiles(facts).flatMap((each) => judge(each, facts.now) ?? []),
}
