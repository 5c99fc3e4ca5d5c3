/** Names with values: which names mean a secret, and where the value after one begins and ends. */

/** How a name reads: its value is a secret whatever it looks like, or only where it also looks like one. */
export type NameKind = 'password' | 'secret' | 'opaque' | 'none'

/** One of these at the end makes it a name about a secret, not the name of one. */
const ABOUT = new Set(
  `file files path paths dir directory location folder length len min max count counts num number size policy expiry expires expired expire expiration
  ttl age days timeout type types url uri urls endpoint host hosts domain name names id ids enabled disabled enable disable required require
  requisite allowed allow attempts attempt retries tries prompt prompts field fields hint reset authentication authenticator login method methods
  version algorithm alg provider providers store storage manager fingerprint ref refs reference index at date time timestamp changed change
  status state format strength rotation lifetime interval limit limits arn region label labels column table encryption usage used total
  check checks quality history stdin command cmd helper script plugin module rules rule mode only less protected protection exists set
  valid invalid error errors failed failure success ok needed missing empty updated created bits words scheme realm tokens keys pairs ask
  agent validator validation verify verification verifier config settings section option options schema class server service handler
  generator generated request requests response cost rounds kind scope scopes audience issuer usages pubkey public`.split(
    /\s+/,
  ),
)
const PASSWORD =
  /(?:^|_)(?:\w*pass(?:words?|wds?|phrases?|codes?)|\w*passwort|pass|\w*pwd?s?|rootpw|requirepass|masterauth)$|pass(?:word|wd|phrase|code)/
const SECRET =
  /secret|credential|(?:^|_)psk$|(?:api|access|private|auth|pre_?shared|account|shared|encryption|encrypt|signing|sign|master|license|app|deploy|session|cipher|crypto|hmac|aes|jwt|service|ssh|storage|admin|root|webhook|integration|admin_api|consumer|subscription|functions)_?keys?$|(?:api|auth|access|refresh|bot|bearer|session|security|personal|deploy|registry|install|npm|github|gitlab|slack|vault|id|identity|csrf|admin|service|root|user|join|oauth|app|access_)_?token$|secret_id|secret_key_base/
const OPAQUE =
  /(?:^|_)(?:\w*token|\w*key|auth|\w*session|\w*sess(?:ion)?_?id|sid|signature|sig|csrf|xsrf|salt|auth_data|key_data|identitytoken|registrytoken)$|phpsessid|jsessionid/

const kinds = new Map<string, NameKind>()

export function nameKind(name: string): NameKind {
  const known = kinds.get(name)
  if (known !== undefined) return known
  const kind = judgeName(name)
  if (kinds.size >= 2048) kinds.clear()
  kinds.set(name, kind)
  return kind
}

function judgeName(name: string): NameKind {
  const words = name
    .slice(-96)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '' && !/^\d+$/.test(word))
  const joined = words.join('_')
  if (/secret_id$|identity_?token$/.test(joined)) return 'secret'
  if (/(?:^|_)(?:sess(?:ion)?_?id|sid)$/.test(joined)) return 'opaque'
  if (
    words.length === 0 ||
    ABOUT.has(words.at(-1) ?? '') ||
    /^(?:max|min|num|total|no|n|old_?pwd|is|has|public|pub)_/.test(joined)
  )
    return 'none'
  if (PASSWORD.test(joined)) return 'password'
  if (SECRET.test(joined)) return 'secret'
  return OPAQUE.test(joined) ? 'opaque' : 'none'
}

/** Values that say there is none, or where it is to be found. */
const EMPTY =
  /^(?:[*x•.#_-]+|null|nil|none|undefined|true|false|yes|no|on|off|string|str|text|varchar|bool|boolean|int|integer|number|any|unset|empty|disabled|enabled|required|optional|default|hidden|masked|redacted|<[^>]*>|\(null\)|\$?\{\{.*|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_]\w*(?:\/.*)?|\/(?:etc|var|run|home|root|usr|opt|tmp|srv|mnt|dev|proc)\/[\w.@/+-]*|~?\.{0,2}\/[\w.@/-]{1,200}\.(?:key|pem|crt|p12|jks|txt|json|ya?ml|conf)|%[sdvqr]|%\(\w+\)s|%[A-Z_]+%|\[REDACTED\]|\[?redacted\]?|\[|\{|\{\}|\[\]|\(|\\+[nrt]?|(?:os\.)?environ\b.*|process\.env\.\w+|(?:os\.)?getenv\(.*|env\(.*|ENV\[.*|[|>][+-]?)$/i
/** Words that follow a name in a sentence. */
const PROSE =
  /^(?:authentication|auth|failed|failure|fail|fails|incorrect|invalid|wrong|expired|expires|not|must|is|was|are|has|have|had|for|from|from:|user|users|the|a|an|of|to|too|and|or|in|with|by|on|changed|change|updated|required|mismatch|missing|empty|bad|error|errors|no|check|does|do|did|cannot|can't|could|should|will|permission|access|denied|unable|unknown|accepted|rejected|success|successful|successfully|ok|please|enter|retype|new|old|current|your|using|used|set|reset|prompt|file|input|length|policy|see|this|that|it|if|when|unexpected|expected|found|provided|given|received|refreshed|revoked|validated|verified|unauthorized|forbidden|loading|loaded|generated|rotated|created|deleted)[,.:;!?)]*$/i

export function isEmptyValue(value: string): boolean {
  return EMPTY.test(value) || isMarked(value)
}

export function isProse(value: string): boolean {
  return PROSE.test(value)
}

/** Nothing in it but markers of an earlier redaction. */
export function isMarked(value: string): boolean {
  return (
    value.startsWith('[redacted:') &&
    /^(?:\[redacted:[a-z0-9-]+(?::[0-9a-f]{8})?\](?:\\[nrt]|[\s"',;\\.]|%0[adAD]){0,16})+$/.test(value)
  )
}

/** Bits by the frequencies of its characters: low for words and repetitions, about 3.5 a character for random hex. */
export function entropyBits(value: string): number {
  const part = value.slice(0, 256)
  const counts = new Map<string, number>()
  for (const char of part) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= count * Math.log2(count / part.length)
  return (bits * value.length) / Math.max(1, part.length)
}

/** Long, mixed, and neither a path, an address, a sentence nor a dotted name. */
export function looksRandom(value: string, least = 16): boolean {
  if (value.length < least || /[\s()<>[\]]|\/\/|^[./~]/.test(value)) return false
  if (!/\d/.test(value) || !/[A-Za-z]/.test(value)) return false
  if (/^[a-z0-9]+(?:[._:-][a-z0-9]+)*$/.test(value) && !/[a-z0-9]{16}/.test(value) && !/^[0-9a-f-]{32,}$/.test(value))
    return false
  return entropyBits(value) >= 2.75 * Math.min(value.length, 24)
}

const SEPARATOR =
  /(?:\\*["'`])?\]?[ \t]{0,8}(?:=>|:=|=(?!=)|:(?!:)|,[ \t]{0,4}\\*["']value\\*["'][ \t]{0,4}:|\\*["'`]?[ \t]{1,4}value=)[ \t]{0,8}(?:[bBuUrRfF](?=["']))?/y
const OPENING = /\\*["'`]/y
/** Never over a marker: what stands around one was judged when the secret was still there. */
const BARE =
  /(?:[^\s\0"'`<>\\,;&)\]}[]|\[(?!redacted:)|\\(?!\\*(?:["'`]|[nrt](?:[A-Za-z_][\w.-]{0,40}[=:]|["'`\s\\]|$)))|[,;&)\]}](?![\s\0"'`,;&)\]}\\]|$|[A-Za-z_][\w.-]{0,40}[=:]))+/y
const SPACED = /[ \t]{1,8}/y

export type Value = { start: number; end: number; quoted: boolean; spacedColon: boolean }

/** The value after a name that ends at `i`, or undefined when no separator follows. */
export function valueAfter(text: string, i: number, opened: boolean): Value | undefined {
  SEPARATOR.lastIndex = i
  if (!SEPARATOR.test(text)) return undefined
  const start = SEPARATOR.lastIndex
  const spacedColon = /[ \t]/.test(text[start - 1] ?? '') && text.slice(i, start).includes(':')
  return valueAt(text, start, spacedColon && !opened)
}

export function valueAfterSpace(text: string, i: number): Value | undefined {
  SPACED.lastIndex = i
  return SPACED.test(text) ? valueAt(text, SPACED.lastIndex, false) : undefined
}

export function valueAt(text: string, start: number, spacedColon: boolean): Value | undefined {
  OPENING.lastIndex = start
  if (OPENING.test(text)) {
    const open = OPENING.lastIndex
    const end = closingQuote(text, open, open - start - 1, text[open - 1] ?? '"')
    return end > open ? { start: open, end, quoted: true, spacedColon } : undefined
  }
  BARE.lastIndex = start
  return BARE.test(text) ? { start, end: BARE.lastIndex, quoted: false, spacedColon } : undefined
}

/** Where the quote that was opened behind `slashes` backslashes is closed; the end of the line when it is not. */
function closingQuote(text: string, from: number, slashes: number, quote: string): number {
  for (let at = text.indexOf(quote, from); at >= 0; at = text.indexOf(quote, at + 1)) {
    let before = 0
    while (at - before > from && text[at - before - 1] === '\\') before++
    if (slashes === 0 ? before % 2 === 0 : before <= slashes) return at - before + (slashes === 0 ? before : 0)
  }
  return text.length
}
