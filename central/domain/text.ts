// Text from a host on its way to a model or a person. It is untrusted: what a terminal would obey is made visible.

// All but tab and newline of the controls, and what reorders or hides text: bidirectional marks, zero width letters, line
// separators, and the tags and variation selectors in which a whole order fits that nobody sees.
const UNSAFE = /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\t\n]]/gv

/** Neutralised text: `\r\n` becomes a newline, other unsafe characters become `\u{…}`. */
export const plainText = (text: string): string =>
  text.replaceAll('\r\n', '\n').replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)

/** Length of the longest prefix of `bytes` that does not end within a UTF-8 sequence (RFC 3629). */
export function utf8Boundary(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needs > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
