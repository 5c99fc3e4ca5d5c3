/** Private keys in their PEM, PGP and PuTTY wrappings, on one line or begun on it. */
import type { Line, Secret } from './matching.ts'

export const BEGIN = /BEGIN[ +](?:[A-Z0-9]{1,12}[ +]){0,4}PRIVATE[ +]KEY(?:[ +]BLOCK)?[ ]?-{4,5}/y
const END =
  /-{4,5} ?END[ +](?:[A-Z0-9]{1,12}[ +]){0,4}PRIVATE[ +]KEY(?:[ +]BLOCK)? ?-{4,5}|Private-MAC: [0-9a-f]{40,64}/g
export const PUTTY = /Private-Lines: \d{1,4}/y
/** The rest of a line that begins a key: nothing yet (`^M$` is a line end that was made visible), or key material. */
const KEY_BODY =
  /^(?:\\+[nrt]|%0[adAD]|[\s"'`,;>|:\\])*(?:(?:\^M)?\$?$|(?:\\+[nrt]|%0[adAD]|[A-Za-z0-9+/=]){16})|(?:^|\\n)(?:Proc-Type|Version|Comment):/

/** Offset behind the end of a private key, or -1. */
export function keyEnd(text: string, from: number): number {
  END.lastIndex = from
  return END.test(text) ? END.lastIndex : -1
}

export function matchKey(begin: RegExp) {
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
