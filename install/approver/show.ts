// What is about to be signed, for a person at a terminal: made from the bytes that are signed and from nothing that
// Central says about them. All of it is shown, and nothing in it can steer the terminal or look like something else.
import { type Run, runDigest } from '#proto/contract/approval.ts'
import { sha256 } from '#proto/contract/canonical.ts'

/** On one line: a line break as `\n`, whatever else is not plain ASCII by its code. */
export const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll(/[^\x20-\x7e]/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)

/** Line by line, each behind a bar, so that none can be taken for one of ours. */
export const barred = (text: string): string[] => text.split(/(?<=\n)/).map((line) => `    | ${escaped(line)}`)

/** What a row begins with that goes on with the one before; no line of ours does. */
const GOES_ON = '    : '
/** Narrower than this, a terminal shows nothing that can be judged. */
const NARROW = 20

/** Of a terminal that does not know its own, what most have; undefined where it is none. */
export const widthOf = ({ isTTY, columns }: { isTTY?: boolean; columns?: number }): number | undefined =>
  isTTY ? columns || 80 : undefined

/** Rows of a terminal that wide: one that it broke itself could begin like a line of ours. */
export function folded(line: string, columns = Number.POSITIVE_INFINITY): string[] {
  const width = Math.max(NARROW, columns)
  if (line.length <= width) return [line]
  const rows = [line.slice(0, width)]
  const rest = width - GOES_ON.length
  for (let at = width; at < line.length; at += rest) rows.push(GOES_ON + line.slice(at, at + rest))
  return rows
}

const SAID = { length: 2_000, lines: 20 }

/** What somebody says about it: not so much of it that nothing else can be seen. */
export function saidLines(text: string): string[] {
  const lines = barred(text.slice(0, SAID.length)).slice(0, SAID.lines)
  const isAll = text.length <= SAID.length && barred(text).length <= SAID.lines
  return isAll ? lines : [...lines, '    (and more)']
}

const sizeOf = (bytes: Uint8Array | string): string => `${Buffer.byteLength(bytes)} bytes, SHA-256 ${sha256(bytes)}`

export function runLines(run: Run): string[] {
  const env = Object.entries(run.env)
  return [
    `As user      ${run.user === '' ? 'the one the act lane runs as: root, where it is a unit of systemd' : escaped(run.user)}`,
    `In           ${run.cwd === '' ? "the account's home" : escaped(run.cwd)}`,
    `Time limit   ${run.timeout_ms / 1000} s${run.terminal ? ', on a terminal' : ''}`,
    ...(env.length > 0 ? ['Environment', ...env.flatMap(([name, value]) => barred(`${name}=${value}`))] : []),
    `Program and arguments, ${run.argv.length} ${run.argv.length === 1 ? 'word' : 'words'}`,
    ...run.argv.flatMap((word, at) => [`  [${at}] ${sizeOf(word)}`, ...barred(word)]),
    ...inputLines(run.input),
    `Run          SHA-256 ${runDigest(run)}`,
  ]
}

function inputLines(input: string | undefined): string[] {
  if (input === undefined) return []
  const bytes = Buffer.from(input, 'base64')
  const said = `Standard input: ${sizeOf(bytes)}`
  try {
    return [said, ...barred(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))]
  } catch {
    return [
      `${said}; no text, in base64`,
      ...(bytes.toString('base64').match(/.{1,100}/g) ?? []).map((line) => `    | ${line}`),
    ]
  }
}
