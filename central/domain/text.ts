// Text from a host on its way to a model or a person. It is untrusted: what a terminal would obey is made visible.

// C0 except tab and newline, DEL, C1, and what reorders or hides text (bidirectional marks, zero width, line separators).
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to neutralise
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

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
