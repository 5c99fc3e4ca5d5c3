/** Finds the secrets of one line: every rule, tried only where an anchor stands. Each step is linear in the line. */
import { BEGIN, matchKey, PUTTY } from './keys.ts'
import { add, endOf, isEdge, type Line, type Matcher, type Secret } from './matching.ts'
import { matchName } from './names.ts'
import { IDENTIFIED, matchBearer, matchPgpass, matchProgram, matchUrl, PSK, quotedAfter } from './places.ts'
import { type TokenRule, tokenRules } from './rules.ts'
import { createScanner } from './scan.ts'

function tokenMatcher(rule: TokenRule): Matcher {
  const shape = new RegExp(rule.shape.source, `${rule.shape.flags}y`)
  const run = rule.run && new RegExp(rule.run.source, 'y')
  const back = rule.back ?? 0
  return {
    anchors: rule.anchors,
    match: (line, at, index) => {
      const start = at - back
      if (start < (line.done[index] ?? 0) || (rule.edge && !isEdge(line.text, start))) return
      shape.lastIndex = start
      if (!shape.test(line.text)) {
        if (run) line.done[index] = endOf(run, line.text, start)
        return
      }
      const end = shape.lastIndex
      line.done[index] = end
      const secret = line.text.slice(start, end)
      if (rule.check && !rule.check(secret)) return
      const kept = rule.keep?.exec(secret)?.[0].length ?? 0
      add(line, start + kept, end, rule.id, 'word', true)
    },
  }
}

/** Anchors that only wake the line: the encoded form is matched in the decoded view. */
const wake = (): void => {}

const matchers: readonly Matcher[] = [
  ...tokenRules.map(tokenMatcher),
  { anchors: ['BEGI'], match: matchKey(BEGIN) },
  { anchors: ['te-L'], match: (line, at, index) => matchKey(PUTTY)(line, at - 5, index) },
  {
    anchors: [
      'i:pass',
      'i:pwd[=:"\'_ ]',
      'i:secr',
      'i:toke',
      'i:cred',
      'i:apik',
      'i:[_-]key',
      '[a-z]Key',
      'i:psk[=:"\']',
      'i:auth',
      'i:cook',
      'i:onid',
      'i:n_id',
      'i:ion=',
      'i:on":',
      'i:[sx]srf',
      'i:sign',
      '[._]sid',
      'i:_pwd',
      'i:_pw[=:"\'_ ]',
      'i:ndpw',
      'i:otpw',
      'i:skey',
      'i:tkey',
      'i:ekey',
      '[_A-Z]SID',
      'i:salt',
      'i:key[=:"\']',
      'i:sid[=:]',
      'i:sig[=:]',
    ],
    match: matchName,
  },
  { anchors: ['://'], match: matchUrl },
  { anchors: ['i:bear'], match: matchBearer },
  { anchors: ['i:iden'], match: quotedAfter(IDENTIFIED, 'password') },
  { anchors: ['PSK[ \t]'], match: quotedAfter(PSK, 'key') },
  { anchors: [':543', ':643'], match: matchPgpass },
  { anchors: ['mysq', 'mari', 'sshp', 'mong', 'redi', 'ldap', 'curl', 'smbc', 'rpcc'], match: matchProgram },
  { anchors: ['i:%3a%', 'i:25%2', ':\\/', 'i:u003', 'i:\\x3[ad]', 'i:\\x2f'], match: wake },
  // `_` and `-`, by which tokens are known.
  { anchors: ['i:%5f', 'i:255f', 'i:%2d', 'i:252d', 'i:005f', 'i:002d', 'i:\\x5f', 'i:\\x2d'], match: wake },
]

const owners = matchers.flatMap((matcher, index) => matcher.anchors.map(() => index))
export const scanner = createScanner(matchers.flatMap((matcher) => matcher.anchors))

const MARKER = /\[redacted:[a-z0-9-]+(?::[0-9a-f]{8})?\]/g

/** Ranges of earlier markers: nothing begins inside one. */
function markers(text: string): [number, number][] {
  return text.includes('[redacted:') ? [...text.matchAll(MARKER)].map((m) => [m.index, m.index + m[0].length]) : []
}

/** Made once: a line is finished before the next begins. */
const done = new Int32Array(matchers.length)

/** All secrets of the line, unordered, possibly overlapping. `text` is `bytes` as latin1. */
export function findSecrets(bytes: Uint8Array, text: string, lineStart: boolean): Secret[] {
  const line: Line = {
    text,
    lineStart,
    secrets: [],
    done: done.fill(0),
    keyEnd: 0,
    bareEnd: -1,
    bareTries: 0,
    programs: 0,
  }
  const marked = markers(text)
  let mark = 0
  scanner.each(bytes, bytes.length, (at, anchor) => {
    while (mark < marked.length && (marked[mark]?.[1] ?? 0) <= at) mark++
    if (at >= (marked[mark]?.[0] ?? Number.POSITIVE_INFINITY)) return
    const index = owners[anchor] ?? 0
    matchers[index]?.match(line, at, index)
  })
  return line.secrets
}
