/** Finds the secrets of one line: every rule, tried only where an anchor stands. Each step is linear in the line. */
import * as named from './assignments.ts'
import { type TokenRule, tokenRules } from './rules.ts'
import { createScanner } from './scan.ts'

export type Secret = {
  start: number
  end: number
  rule: string
  /** What the marker's tag is made of; undefined when it would help guessing (under 64 bits) or the secret is cut. */
  tagged: string | undefined
  /** How a secret goes on that is longer than the window: to the end of the line, or to the next space or quote. */
  tail: 'line' | 'word'
  /** A private key begins here and does not end on this line. */
  open?: true
}

type Line = {
  readonly text: string
  readonly lineStart: boolean
  readonly secrets: Secret[]
  /** By rule: positions before this one need not be tried (already inside a match, or inside a run that failed). */
  readonly done: Int32Array
  /** Where the next private key ends; -1 once there is none, so that it is looked for once. */
  keyEnd: number
  bareEnd: number
  bareTries: number
  programs: number
}

type Matcher = { readonly anchors: readonly string[]; readonly match: (line: Line, at: number, index: number) => void }

const ALNUM = charTable(/[A-Za-z0-9]/)
const NAME = charTable(/[\w.-]/)

function charTable(set: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (set.test(String.fromCharCode(code)) ? 1 : 0))
}

/** True where a word may begin: also after `\n` spelt out in JSON, after %20 and after a Unicode escape. */
function isEdge(text: string, at: number): boolean {
  if (at === 0 || ALNUM[text.charCodeAt(at - 1)] === 0) return true
  const before = text.slice(Math.max(0, at - 6), at)
  return /(?:\\[nrtbf]|%[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2})$/.test(before)
}

function add(line: Line, start: number, end: number, rule: string, tail: Secret['tail'], tagged: boolean): void {
  if (end > start)
    line.secrets.push({ start, end, rule, tagged: tagged ? line.text.slice(start, end) : undefined, tail })
}

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

function endOf(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at
  return sticky.test(text) ? sticky.lastIndex : at
}

const BEGIN = /BEGIN[ +](?:[A-Z0-9]{1,12}[ +]){0,4}PRIVATE[ +]KEY(?:[ +]BLOCK)?[ ]?-{4,5}/y
const END =
  /-{4,5} ?END[ +](?:[A-Z0-9]{1,12}[ +]){0,4}PRIVATE[ +]KEY(?:[ +]BLOCK)? ?-{4,5}|Private-MAC: [0-9a-f]{40,64}/g
const PUTTY = /Private-Lines: \d{1,4}/y
/** The rest of a line that begins a key: nothing yet, or key material; anything else only speaks of one. */
const KEY_BODY =
  /^(?:\\+[nrt]|%0[adAD]|[\s"'`,;>|:\\])*(?:$|(?:\\+[nrt]|%0[adAD]|[A-Za-z0-9+/=]){16})|(?:^|\\n)(?:Proc-Type|Version|Comment):/

/** Offset behind the end of a private key, or -1. */
export function keyEnd(text: string, from: number): number {
  END.lastIndex = from
  return END.test(text) ? END.lastIndex : -1
}

function matchKey(begin: RegExp) {
  return (line: Line, at: number, index: number): void => {
    begin.lastIndex = at
    if (at < (line.done[index] ?? 0) || !begin.test(line.text)) return
    let start = at
    while (
      start > 0 &&
      at - start < 6 &&
      (line.text[start - 1] === '-' || (line.text[start - 1] === ' ' && line.text[start - 2] === '-'))
    )
      start--
    const body = begin.lastIndex
    if (line.keyEnd !== -1 && line.keyEnd < body) line.keyEnd = keyEnd(line.text, body)
    const end = line.keyEnd
    const open = end < 0 && KEY_BODY.test(line.text.slice(body, body + 512))
    const until = end >= 0 ? end : open ? line.text.length : body
    line.done[index] = until
    const secret: Secret = { start, end: until, rule: 'private-key', tagged: undefined, tail: 'word' }
    if (end >= 0) secret.tagged = keyMaterial(line.text.slice(body, end))
    if (open) secret.open = true
    line.secrets.push(secret)
  }
}

/** A key's own characters, whatever it was wrapped in, so that one key has one tag. */
export function keyMaterial(text: string): string {
  return text.replace(END, '').replace(/\\+[nrt]|%0[adAD]|[^A-Za-z0-9+/=]+/g, '')
}

const CODE_KEEP =
  /^(?:Bearer|Basic|Digest|Token|Negotiate|NTLM|ApiKey|Bot|SSWS|OAuth|GenieKey|Key|AWS4-HMAC-SHA256|[A-Za-z][A-Za-z0-9-]{1,20}) +(?=\S)/i
const HEADER_NAME = /^(?:[\w.-]{0,40}[.-])?(?:authorization|cookie2?)$/i
const HEADER_SEPARATOR = /(?:\\*["'])?\]?[ \t]{0,4}(?:=>|[:=,])[ \t]{0,4}(?:\[(?=\\*["']))?(\\*["'])?/y

/** `Authorization: …`, `Cookie: …` as a header, a JSON member or a command line's argument. */
function matchHeader(line: Line, nameStart: number, nameEnd: number): number | undefined {
  const { text } = line
  if (nameEnd - nameStart < 6 || !HEADER_NAME.test(text.slice(nameStart, nameEnd))) return undefined
  const name = text.slice(nameStart, nameEnd).toLowerCase()
  HEADER_SEPARATOR.lastIndex = nameEnd
  const separator = HEADER_SEPARATOR.exec(text)
  if (!separator) return undefined
  const start = HEADER_SEPARATOR.lastIndex
  const opened = separator[1] ?? quoteBefore(text, nameStart)
  const end = opened === undefined ? text.length : quoteEnd(text, start, opened)
  const value = text.slice(start, Math.min(end, start + 4096))
  const cookie = name.includes('cookie')
  const from = start + (cookie ? cookieStart(name, value) : (CODE_KEEP.exec(value)?.[0].length ?? 0))
  const until = cookie && name.includes('set-') ? setCookieEnd(text, from, end) : end
  const secret = text.slice(from, until).trimEnd()
  if (!isHeaderSecret(secret, from > start, cookie)) return undefined
  add(
    line,
    from,
    from + secret.length,
    cookie ? 'cookie' : 'authorization',
    opened === undefined ? 'line' : 'word',
    secret.length >= 16 && named.entropyBits(secret) >= 64,
  )
  return from + secret.length
}

function isHeaderSecret(secret: string, hasScheme: boolean, cookie: boolean): boolean {
  if (secret === '' || named.isEmptyValue(secret)) return false
  const word = secret.slice(0, 64)
  if (named.isProse(word.split(' ')[0] ?? '')) return false
  if (cookie) return secret.length >= 4 && !/^[a-z]+$/i.test(word)
  if (hasScheme) return /^[\w.~+/=:%-]{4,}/.test(word) && (/[\d=+/_.-]|[A-Z].*[A-Z]/.test(word) || word.length >= 20)
  return secret.length >= 8 && /\d/.test(word) && !/\s/.test(word)
}

const cookieStart = (name: string, value: string): number =>
  name.startsWith('set-') ? (/^[^=;\s]{1,128}=/.exec(value)?.[0].length ?? 0) : 0

function setCookieEnd(text: string, from: number, end: number): number {
  const at = text.indexOf(';', from)
  return at < 0 || at > end ? end : at
}

function quoteBefore(text: string, at: number): string | undefined {
  const char = text[at - 1]
  if (char !== '"' && char !== "'") return undefined
  return text[at - 2] === '\\' ? `\\${char}` : char
}

function quoteEnd(text: string, from: number, opened: string): number {
  const at = text.indexOf(opened, from)
  return at < 0 ? text.length : at
}

const NAME_LEFT = 64

const AFTER_NAME = charTable(/[\s"'`=:\]\\,>%]/)

/** A name before a space has a value only if a separator or a quote follows, or if it is a flag or one of a few names. */
function worthASpace(text: string, start: number, end: number): boolean {
  let at = end
  while (text[at] === ' ') at++
  const char = text[at]
  if (char === '=' || char === ':' || char === '"' || char === "'" || char === undefined || char === 'v') return true
  return (
    text[start] === '-' ||
    (end - start >= 6 &&
      end - start <= 11 &&
      /^(?:passw(?:or)?d|requirepass|masterauth)$/i.test(text.slice(start, end)))
  )
}

/** Any name with a value: `DB_PASSWORD=…`, `"token": "…"`, `--password …`, `requirepass …`, `<password>…`. */
function matchName(line: Line, at: number, index: number): void {
  if (at < (line.done[index] ?? 0)) return
  const { text } = line
  let end = at
  while (NAME[text.charCodeAt(end)] === 1) end++
  line.done[index] = end
  let start = at
  while (start > 0 && at - start < NAME_LEFT && NAME[text.charCodeAt(start - 1)] === 1) start--
  if (/\\[nrt]/.test(text.slice(start - 1, start + 1))) start++
  while (text[end - 1] === '.' || (text[end - 1] === '-' && end - 1 > at)) end--
  const next = text.charCodeAt(end)
  if (AFTER_NAME[next] !== 1 || (next === 0x20 && !worthASpace(text, start, end))) return
  if (text[end] === ':' && text[start - 1] === '/' && text[start - 2] === '/') return
  const header = matchHeader(line, start, end)
  if (header !== undefined) {
    line.done[index] = header
    return
  }
  const name = text.slice(start, end)
  const kind = named.nameKind(name)
  if (kind === 'none') return
  const value = findValue(line, name, start, end, kind)
  if (value === undefined) return
  const found = judge(line, name, kind, value, start)
  if (found === undefined) return
  line.done[index] = Math.max(end, found)
}

const XML_VALUE = /[^<]{1,4096}/y

function findValue(
  line: Line,
  name: string,
  start: number,
  end: number,
  kind: named.NameKind,
): named.Value | undefined {
  const { text } = line
  if (text[end] === '>' && text[start - 1] === '<') {
    XML_VALUE.lastIndex = end + 1
    return XML_VALUE.test(text)
      ? { start: end + 1, end: XML_VALUE.lastIndex, quoted: true, spacedColon: false }
      : undefined
  }
  const opened = start > 0 && /["'`[]/.test(text[start - 1] ?? '')
  const value = named.valueAfter(text, end, opened)
  if (value !== undefined) return kind === 'opaque' ? remember(line, value) : restOfLine(line, start, value)
  if (/^-{1,2}[A-Za-z]/.test(name) || isSpacedName(line, name, start)) {
    const spaced = named.valueAfterSpace(text, end)
    return spaced && (spaced.quoted || !/[-=:]/.test(text[spaced.start] ?? '')) ? spaced : undefined
  }
  if (/^(?:password|passwd)$/i.test(name) && /[ \t]/.test(text[end] ?? '')) {
    const spaced = named.valueAfterSpace(text, end)
    return spaced?.quoted ? spaced : undefined
  }
  return undefined
}

/** Names whose value stands behind a space: Redis, netrc. */
function isSpacedName(line: Line, name: string, start: number): boolean {
  if (/^(?:requirepass|masterauth)$/i.test(name)) return true
  if (!/^(?:password|passwd)$/.test(name)) return false
  const before = line.text.slice(Math.max(0, start - 96), start)
  if (/(?:^|\s)login[ \t]+\S{1,64}[ \t]+$/.test(before)) return true
  return (
    line.lineStart &&
    /^[ \t]*$/.test(line.text.slice(0, start)) &&
    /^[ \t]+\S+[ \t]*$/.test(line.text.slice(start + name.length, start + 200))
  )
}

/** A bare value runs on to the same end from wherever in it one starts: it is measured once. */
function remember(line: Line, value: named.Value): named.Value {
  if (value.quoted) return value
  if (value.end === line.bareEnd) line.bareTries++
  else line.bareTries = 0
  line.bareEnd = value.end
  return value
}

/** In a configuration file (`name: value` at the start of a line) a value may hold spaces, and separators belong to it. */
function restOfLine(line: Line, nameStart: number, value: named.Value): named.Value {
  if (value.quoted || !line.lineStart || nameStart > 64) return value
  const before = line.text.slice(0, nameStart)
  if (!/^[ \t]*(?:- |export |set |setx |ENV |ARG |\$env:)?["']?$/.test(before)) return value
  const spaced = value.spacedColon || /[:=]\s+$/.test(line.text.slice(Math.max(0, value.start - 3), value.start))
  const rest = (spaced ? /^[^\0]*?(?=\s+#|\s*(?:$|\0))/ : /^[^\s\0]+/).exec(line.text.slice(value.start))?.[0] ?? ''
  if (spaced && named.isProse(rest.split(/\s/)[0] ?? '')) return value
  const marked = rest.indexOf('[redacted:')
  const closed = (marked < 0 ? rest : rest.slice(0, marked)).replace(/["',;]+$/, '')
  return { ...value, end: Math.max(value.end, value.start + closed.length) }
}

/** The rule for private keys knows better where one ends. */
const NAMES_KEY = /BEGIN[ +](?:[A-Z0-9]{1,12}[ +]){0,4}PRIVATE[ +]KEY/

/** Decides whether the value is a secret; returns its end, or undefined. */
function judge(
  line: Line,
  name: string,
  kind: named.NameKind,
  value: named.Value,
  nameStart: number,
): number | undefined {
  const secret = line.text.slice(value.start, value.end)
  const head = secret.slice(0, 128)
  if (named.isEmptyValue(secret.length > 512 ? head : secret)) return undefined
  if (NAMES_KEY.test(head)) return undefined
  if (kind === 'opaque' && line.bareTries < 8 && !isOpaqueSecret(name, head)) return undefined
  if (kind !== 'opaque' && !value.quoted && isHarmlessBare(line, name, kind, value, head, nameStart)) return undefined
  if (value.quoted && kind !== 'opaque' && isHarmlessQuoted(name, head)) return undefined
  add(
    line,
    value.start,
    value.end,
    ruleOf(name, kind),
    value.quoted ? 'line' : 'word',
    named.looksRandom(head) && named.entropyBits(head) >= 64,
  )
  return value.end
}

const ruleOf = (name: string, kind: named.NameKind): string => {
  if (kind === 'password') return 'password'
  return /token/i.test(name) ? 'token' : /key/i.test(name) ? 'key' : /sess|sid$/i.test(name) ? 'session' : 'secret'
}

function isOpaqueSecret(name: string, head: string): boolean {
  if (head.includes('[redacted:')) return false
  if (/auth$/i.test(name))
    return (
      /^[A-Za-z0-9+/]{8,}={0,2}$/.test(head) && /^[\x20-\x7e]+:/.test(Buffer.from(head, 'base64').toString('latin1'))
    )
  return named.looksRandom(head, /token$/i.test(name) ? 12 : 16)
}

function isHarmlessBare(
  line: Line,
  name: string,
  kind: named.NameKind,
  value: named.Value,
  head: string,
  nameStart: number,
): boolean {
  if (head.startsWith('/') && /^(?:old)?pwd$/i.test(name)) return true
  if (/^(?:pass|tests?\.pass)$/i.test(name) && /^\d+[,;.]?(?:\s|$)/.test(head)) return true
  if (kind === 'secret' && /^\d{1,7}$/.test(head)) return true
  if (named.isProse(head.split(/\s/)[0] ?? '')) return value.spacedColon || line.text[nameStart - 1] === ' '
  return /^[\w.]{0,60}\(.{0,60}\)?[;,]?$/.test(head) && /\(/.test(head) && !/\d/.test(head)
}

const isHarmlessQuoted = (name: string, head: string): boolean =>
  head.toLowerCase() === name.toLowerCase() ||
  /^\s*$/.test(head) ||
  /^[,:;)(\]}{]/.test(head.trim()) ||
  /^(?:[A-Z][a-z]+|Enter) [a-z ]+[.:]?$/.test(head)

/** `scheme://user:password@host`. The password may hold `@`, and outside of HTTP also `/`. */
function matchUrl(line: Line, at: number): void {
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

function matchBearer(line: Line, at: number, index: number): void {
  BEARER.lastIndex = at
  if (at < (line.done[index] ?? 0) || !BEARER.test(line.text)) return
  const start = BEARER.lastIndex
  const end = endOf(BEARER_VALUE, line.text, start)
  line.done[index] = end
  const secret = line.text.slice(start, end)
  if (/\d/.test(secret.slice(0, 256))) add(line, start, end, 'authorization', 'word', named.entropyBits(secret) >= 64)
}

const IDENTIFIED =
  /identified[ \t]{1,4}(?:with[ \t]{1,4}\S{1,64}[ \t]{1,4})?(?:by|as)[ \t]{1,4}(?:password[ \t]{1,4})?(?=["'])/iy
const PGPASS = /:\d{2,5}:[^:\s]{1,64}:[^:\s]{1,64}:([^:\s]{1,256})$/y
const PSK = /PSK[ \t]{1,4}(?=["'])/y

function quotedAfter(pattern: RegExp, rule: string): Matcher['match'] {
  return (line, at) => {
    pattern.lastIndex = at
    if (!pattern.test(line.text)) return
    const value = named.valueAt(line.text, pattern.lastIndex, false)
    if (value && !named.isEmptyValue(line.text.slice(value.start, value.end)))
      add(line, value.start, value.end, rule, 'line', false)
  }
}

function matchPgpass(line: Line, at: number): void {
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

function matchProgram(line: Line, at: number): void {
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
