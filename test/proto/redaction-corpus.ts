/** Reads the golden files of the redactor. What `{A36}` and its like mean stands in test/golden/redaction/README.md. */
import { readdirSync, readFileSync } from 'node:fs'

export type Case = { file: string; input: Buffer; expected: Buffer }

const folder = new URL('../golden/redaction/', import.meta.url)
const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'
const ALPHABETS: Readonly<Record<string, string>> = {
  A: LOWER.toUpperCase() + LOWER + DIGITS,
  a: LOWER + DIGITS,
  h: '0123456789abcdef',
  b: `${LOWER.toUpperCase()}${LOWER}${DIGITS}+/`,
  w: `${LOWER.toUpperCase()}${LOWER}${DIGITS}_-`,
  U: `${LOWER.toUpperCase()}234567`,
  N: LOWER.toUpperCase() + DIGITS,
  d: DIGITS,
}
const CHARACTERS: Readonly<Record<string, string>> = {
  ESC: '\x1b',
  ZWSP: '\u200b',
  NUL: '\0',
  BS: '\b',
  BEL: '\x07',
  CR: '\r',
}

/** mulberry32: small, seeded, the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export function expand(line: string): string {
  let place = 0
  const named = line.replace(/\{([A-Z]+)\}/g, (whole, name: string) => CHARACTERS[name] ?? whole)
  return named.replace(/\{([AahbwUNd])(\d+)\}/g, (_, letter: string, length: string) => {
    const random = seeded(++place)
    const alphabet = ALPHABETS[letter] ?? LOWER
    return Array.from({ length: Number(length) }, () => alphabet[Math.floor(random() * alphabet.length)]).join('')
  })
}

export function readCases(): Case[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .toSorted()
    .map((file) => {
      const [input = '', expected = ''] = readFileSync(new URL(file, folder), 'utf8').split('\n----\n')
      return { file, input: bytes(`${input}\n`), expected: bytes(expected) }
    })
}

const bytes = (text: string): Buffer => Buffer.from(text.split('\n').map(expand).join('\n'), 'utf8')
