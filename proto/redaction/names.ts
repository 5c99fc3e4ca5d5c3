/** Names with values on a line: headers, assignments, flags. */
import * as named from './assignments.ts'
import { add, charTable, type Line, NAME } from './matching.ts'

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
  if (cookie) return secret.length >= 4 && (hasScheme || /^[^=;\s]{1,63}=/.test(word) || named.looksRandom(word))
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

const AFTER_NAME = charTable(/[\s\0"'`=:\]\\,>%]/)

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
      /^(?:passw(?:or)?d|requirepass|masterauth|bindpw|rootpw)$/i.test(text.slice(start, end)))
  )
}

/** Any name with a value: `DB_PASSWORD=…`, `"token": "…"`, `--password …`, `requirepass …`, `<password>…`. */
export function matchName(line: Line, at: number, index: number): void {
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
  const value = named.valueAfter(text, end, opened) ?? definedAs(text, start, end)
  if (value !== undefined)
    return restOfQuote(text, start, kind === 'opaque' ? remember(line, value) : restOfLine(line, start, value))
  const flag = /^-{1,2}[A-Za-z]/.test(name)
  if (flag || isSpacedName(line, name, start)) {
    const spaced = (flag && nextArgument(text, end)) || named.valueAfterSpace(text, end)
    return spaced && (spaced.quoted || !/[-=:]/.test(text[spaced.start] ?? '')) ? spaced : undefined
  }
  if (/^(?:password|passwd)$/i.test(name) && /[ \t]/.test(text[end] ?? '')) {
    const spaced = named.valueAfterSpace(text, end)
    return spaced?.quoted ? spaced : undefined
  }
  return undefined
}

const DEFINED = /define\([ \t]{0,8}["']$/
const DEFINED_AS = /["'][ \t]{0,8},[ \t]{0,8}(?=["'])/y

/** `define('DB_PASSWORD', '…')` of PHP. */
function definedAs(text: string, start: number, end: number): named.Value | undefined {
  DEFINED_AS.lastIndex = end
  if (!DEFINED_AS.test(text) || !DEFINED.test(text.slice(Math.max(0, start - 24), start))) return undefined
  return named.valueAt(text, DEFINED_AS.lastIndex, false)
}

const ARGUMENT_ENDS = /\0(?!-)|\\{0,8}["'][ \t]{0,8}(?:,[ \t]{0,8}|(?<=[ \t])(?:a\d{1,3}=)?)(?=\\{0,8}["'](?!-))/y

/** What follows a flag in a list of arguments, unless it is a flag too: `"--token", "…"`, `a1="--token" a2="…"`, `--token\0…`. */
function nextArgument(text: string, end: number): named.Value | undefined {
  ARGUMENT_ENDS.lastIndex = end
  return ARGUMENT_ENDS.test(text) ? named.valueAt(text, ARGUMENT_ENDS.lastIndex, false) : undefined
}

/** `"DB_PASSWORD=two words"`: where the whole assignment is quoted, the value ends with the quote. */
function restOfQuote(text: string, nameStart: number, value: named.Value): named.Value {
  const quote = text[nameStart - 1] ?? ''
  if (value.quoted || text[value.start - 1] !== '=' || (quote !== '"' && quote !== "'")) return value
  if (text[value.end] !== ' ' && text[value.end] !== '\t') return value
  const end = text.indexOf(quote, value.end)
  return end < 0 ? value : { ...value, end: text[end - 1] === '\\' ? end - 1 : end }
}

/** Names whose value stands behind a space: Redis, LDAP, netrc. */
function isSpacedName(line: Line, name: string, start: number): boolean {
  if (/^(?:requirepass|masterauth|bindpw|rootpw)$/i.test(name)) return true
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
