/** Secrets known by the place they stand in: addresses, bearer tokens, SQL, password files, command lines. */
import * as named from './assignments.ts'
import { ALNUM, add, charTable, endOf, isEdge, type Line, type Matcher } from './matching.ts'

/** `scheme://user:password@host`. The password may hold `@`, and outside of HTTP also `/`. */
export function matchUrl(line: Line, at: number): void {
  const { text } = line
  if (ALNUM[text.charCodeAt(at - 1)] !== 1) return
  const start = at + 3
  const limit = Math.min(text.length, start + 1024)
  let colon = -1
  let sign = -1
  const strict = HTTP_LIKE.test(text.slice(Math.max(0, at - 8), at))
  for (let i = start; i < limit && URL_STOP[text.charCodeAt(i)] !== 1; i++) {
    const char = text[i]
    if (char === ':' && text.startsWith('://', i)) break
    if (char === ':' && colon < 0 && sign < 0) colon = i
    else if (char === '@') sign = i
    else if (char === '?' || char === '#' || char === '/') {
      if (strict || colon < 0 || char === '?' || isPort(text, colon, i)) break
    }
  }
  if (sign < 0) return
  if (colon < 0 || colon > sign) {
    addUserOnly(line, start, sign)
    return
  }
  const secret = text.slice(colon + 1, sign)
  if (
    text.startsWith('[redacted:', start) ||
    named.isEmptyValue(secret) ||
    /^(?:pass(?:word)?|pwd|secret|x+|user):?$/i.test(secret)
  )
    return
  add(line, colon + 1, sign, 'url-credentials', 'word', secret.length >= 16 && named.entropyBits(secret) >= 64)
}

/** Where a slash always ends the host. Elsewhere people write slashes into passwords. */
const HTTP_LIKE = /(?:https?|wss?|ftp|git)$/i
const URL_STOP = charTable(/[\0-\x20"'<>`]/)

const isPort = (text: string, colon: number, end: number): boolean => /^\d{1,5}$/.test(text.slice(colon + 1, end))

function addUserOnly(line: Line, start: number, sign: number): void {
  const user = line.text.slice(start, sign)
  if (named.looksRandom(user, 20)) add(line, start, sign, 'url-credentials', 'word', named.entropyBits(user) >= 64)
}

const BEARER = /bearer(?:[ +]|%20){1,4}(?=[\w.~+/-]{16})/iy
const BEARER_VALUE = /[\w.~+/-]{16,}={0,2}/y

export function matchBearer(line: Line, at: number, index: number): void {
  BEARER.lastIndex = at
  if (at < (line.done[index] ?? 0) || !BEARER.test(line.text)) return
  const start = BEARER.lastIndex
  const end = endOf(BEARER_VALUE, line.text, start)
  line.done[index] = end
  const secret = line.text.slice(start, end)
  if (/\d/.test(secret.slice(0, 256))) add(line, start, end, 'authorization', 'word', named.entropyBits(secret) >= 64)
}

export const IDENTIFIED =
  /identified[ \t]{1,4}(?:with[ \t]{1,4}\S{1,64}[ \t]{1,4})?(?:by|as(?=[ \t]{1,4}'))[ \t]{1,4}(?:password[ \t]{1,4})?(?=["'])/iy
const PGPASS = /:\d{2,5}:[^:\s]{1,64}:[^:\s]{1,64}:([^:\s]{1,256})$/y
export const PSK = /PSK[ \t]{1,4}(?=["'])/y

export function quotedAfter(pattern: RegExp, rule: string): Matcher['match'] {
  return (line, at) => {
    pattern.lastIndex = at
    if (!pattern.test(line.text)) return
    const value = named.valueAt(line.text, pattern.lastIndex, false)
    if (value && !named.isEmptyValue(line.text.slice(value.start, value.end)))
      add(line, value.start, value.end, rule, 'line', false)
  }
}

export function matchPgpass(line: Line, at: number): void {
  PGPASS.lastIndex = at
  const found = PGPASS.exec(line.text)
  const secret = found?.[1]
  if (
    secret === undefined ||
    named.isEmptyValue(secret) ||
    !line.lineStart ||
    !/^[\w.*-]{1,255}$/.test(line.text.slice(0, Math.min(at, 256)))
  )
    return
  add(line, PGPASS.lastIndex - secret.length, PGPASS.lastIndex, 'password', 'word', false)
}

/** Programs that take a password behind a flag (after a user name and a colon or percent sign: `user`). */
const PROGRAMS: readonly { program: RegExp; flag: RegExp; user?: true }[] = [
  { program: /(?:mysql\w*|mariadb[\w-]*)\b/y, flag: /[ \t]-p(?=[^\s-])/g },
  { program: /(?:sshpass|mongo\w*)\b/y, flag: /[ \t]-p[ \t]?(?=[^\s-])/g },
  { program: /redis-cli\b/y, flag: /[ \t]-a[ \t]?(?=[^\s-])/g },
  { program: /ldap(?:search|modify|add|delete|passwd|whoami)\b/y, flag: /[ \t]-w[ \t]?(?=[^\s-])/g },
  { program: /curl\b/y, flag: /[ \t](?:-[uU][ \t]?|--(?:proxy-)?user[ \t=])(?=[^\s-])/g, user: true },
  { program: /(?:smbclient|rpcclient)\b/y, flag: /[ \t]-U[ \t]?(?=[^\s-])/g, user: true },
]
/** How far behind a program its flags are looked for, and how many programs of one line are looked at. */
const FLAG_REACH = 512
const PROGRAMS_MAX = 64

export function matchProgram(line: Line, at: number): void {
  if (line.programs++ >= PROGRAMS_MAX || !isEdge(line.text, at)) return
  for (const { program, flag, user } of PROGRAMS) {
    program.lastIndex = at
    if (!program.test(line.text)) continue
    const reach = line.text.slice(at, at + FLAG_REACH)
    flag.lastIndex = 0
    while (flag.test(reach)) {
      const value = named.valueAt(line.text, at + flag.lastIndex, false)
      if (value) addFlagValue(line, value, user === true)
    }
    return
  }
}

function addFlagValue(line: Line, value: named.Value, user: boolean): void {
  const text = line.text.slice(value.start, value.end)
  const parts = user ? /^([^:%\s]{0,128}[:%])(.+)$/.exec(text) : undefined
  if (user && !parts) return
  const secret = parts?.[2] ?? text
  if (named.isEmptyValue(secret) || (user && /^\d{1,6}$/.test(secret))) return
  add(line, value.end - secret.length, value.end, 'password', value.quoted ? 'line' : 'word', false)
}
