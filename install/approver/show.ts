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
