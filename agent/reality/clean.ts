// Text from the host on its way out: secrets taken out first, then what a terminal would obey made visible, then cut. A whole
// snapshot goes through here at once, so that nothing can be forgotten; each text has a redactor of its own, so that no
// process can swallow what follows it.

import { TEXT_MAX } from '#proto/contract/reality.ts'
import { redactText } from '#proto/redaction/redactor.ts'

/** C0, DEL, C1, and what reorders or hides text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to neutralise
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]/g
/** Much more than is shown, so that a secret at the border of what is shown is known as one. */
const LOOKED_AT = 2_048
/** Too short, and too plain, for any rule. */
const HARMLESS = /^[\w./@:+-]{0,16}$/

export type Clean = (text: string) => string

export function createClean(hostKey: Buffer | undefined): Clean {
  const known = new Map<string, string>()
  return (text) => {
    if (HARMLESS.test(text)) return text
    const safe = known.get(text) ?? cut(neutral(redacted(text, hostKey)))
    known.set(text, safe)
    return safe
  }
}

function redacted(text: string, hostKey: Buffer | undefined): string {
  const { text: safe } = redactText(text.slice(0, LOOKED_AT), hostKey ? { hostKey } : {})
  // Of a text that goes on, the last word may be half a secret.
  return text.length > LOOKED_AT ? safe.replace(/\S{1,4096}$/, '…') : safe
}

const neutral = (text: string): string =>
  text.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)

const cut = (text: string): string =>
  text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 1).replace(/[\ud800-\udbff]$/, '')}…` : text

/** Every text in a value, at any depth; the names of fields are ours. */
export function cleanAll<T>(value: T, clean: Clean): T {
  if (typeof value === 'string') return clean(value) as T
  if (Array.isArray(value)) return value.map((each) => cleanAll(each, clean)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cleanAll(each, clean)])) as T
}
