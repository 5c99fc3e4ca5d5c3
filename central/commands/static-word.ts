import type { Word, WordPart } from 'unbash'
import type { StaticWord } from '#proto/verbs/words.ts'

/** Characters that mean only themselves outside quotes, in bash and in a POSIX sh, wherever they stand in a word. */
const PLAIN = new Set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+=@%^!]')
const PATTERN = new Set('*?[')
const ESCAPABLE_IN_DOUBLE_QUOTES = new Set('"\\$`')

type Reader = { readonly text: string; at: number; readonly value: string[]; readonly glob: boolean[] }

/**
 * The value of a word without expansions, or undefined. It is computed twice, by the parser and here, because a word
 * that two readers take differently is a word that the shell may take differently too.
 */
export function staticWord(word: Word): StaticWord | undefined {
  if (word.text === '{}') return { value: '{}', glob: [false, false] } // no braces to expand, in any shell
  if (word.parts?.some((part) => !isStaticPart(part))) return undefined
  const read = unquote(word.text)
  return read && read.value === word.value ? read : undefined
}

function isStaticPart(part: WordPart): boolean {
  if (part.type === 'DoubleQuoted') return part.parts.every((inner) => inner.type === 'Literal')
  return part.type === 'Literal' || part.type === 'SingleQuoted' || part.type === 'Glob'
}

function unquote(text: string): StaticWord | undefined {
  const reader: Reader = { text, at: 0, value: [], glob: [] }
  while (reader.at < text.length) if (!step(reader)) return undefined
  const glob = text === '[' ? [false] : reader.glob // the program `[`, not a pattern
  return { value: reader.value.join(''), glob }
}

/** Reads one unquoted character, escape or quoted stretch; false when its meaning is not certain. */
function step(reader: Reader): boolean {
  const char = reader.text[reader.at++] as string
  if (char === "'") return singleQuoted(reader)
  if (char === '"') return doubleQuoted(reader)
  if (char === '\\') return escaped(reader)
  if (PATTERN.has(char)) return take(reader, char, true)
  if (PLAIN.has(char)) return take(reader, char, false)
  return false
}

function take(reader: Reader, char: string, glob: boolean): true {
  reader.value.push(char)
  reader.glob.push(glob)
  return true
}

function escaped(reader: Reader): boolean {
  const next = reader.text[reader.at++]
  if (next === undefined || next === '\n') return false
  return take(reader, next, false)
}

function singleQuoted(reader: Reader): boolean {
  const end = reader.text.indexOf("'", reader.at)
  if (end < 0) return false
  for (const char of reader.text.slice(reader.at, end)) take(reader, char, false)
  reader.at = end + 1
  return true
}

function doubleQuoted(reader: Reader): boolean {
  while (reader.at < reader.text.length) {
    const char = reader.text[reader.at++] as string
    if (char === '"') return true
    if (char === '$' || char === '`') return false
    if (char !== '\\') take(reader, char, false)
    else if (!escapedInDoubleQuotes(reader)) return false
  }
  return false
}

function escapedInDoubleQuotes(reader: Reader): boolean {
  const next = reader.text[reader.at]
  if (next === undefined || next === '\n') return false
  if (!ESCAPABLE_IN_DOUBLE_QUOTES.has(next)) return take(reader, '\\', false)
  reader.at++
  return take(reader, next, false)
}
