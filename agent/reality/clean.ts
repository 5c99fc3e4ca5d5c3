// Text from the host on its way into a snapshot: secrets taken out first, then what a terminal would obey made visible, then
// cut. Each text goes through a redactor of its own, so that no process can swallow what follows it.
import { redactText } from '#proto/redaction/redactor.ts'
import { type Health, TEXT_MAX } from './snapshot.ts'

/** C0, DEL, C1, and what reorders or hides text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to neutralise
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]/g
/** Much more than is shown, so that a secret at the border of what is shown is known as one. */
const LOOKED_AT = 2_048
/** A name without anything that a secret or a terminal needs. */
const HARMLESS = /^[\w./@:+-]{0,24}$/

export type Clean = (text: string | undefined, most?: number) => string

export function createClean(hostKey: Buffer | undefined): Clean {
  const known = new Map<string, string>()
  const redacted = (text: string): string => {
    if (HARMLESS.test(text)) return text
    const { text: safe } = redactText(text.slice(0, LOOKED_AT), hostKey ? { hostKey } : {})
    // Of a text that goes on, the last word may be half a secret.
    const whole = text.length > LOOKED_AT ? safe.replace(/\S{1,4096}$/, '…') : safe
    return whole.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
  }
  return (text = '', most = TEXT_MAX) => {
    const safe = known.get(text) ?? redacted(text)
    known.set(text, safe)
    return safe.length > most ? `${safe.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…` : safe
  }
}

export const judge = (state: Health['state'], why: string, source: string, at: number): Health => ({
  state,
  why: why.slice(0, TEXT_MAX),
  evidence: { source: source.slice(0, TEXT_MAX), at },
})
