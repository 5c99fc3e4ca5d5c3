import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROGRAMS } from '../../../central/commands/programs.ts'

/** What a shell really ran: for each line the argvs, sorted, each as one JSON text. */
export type Ran = readonly (readonly string[])[]
export type Shell = { readonly path: string; readonly kind: 'bash' | 'sh' }

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** An unprivileged uid, so that a line which a shell reads differently can write nothing here. */
const NOBODY = 65534
const OTHER_NAMES = 'rm sh bash sudo env id touch nginx node python3 php openssl git ssh x a b'.split(' ')

/** Programs whose name cannot be given to a recording function in every shell. */
export const isRecordable = (shell: Shell, name: string): boolean => shell.kind === 'bash' || NAME.test(name)

/**
 * Runs lines in a real shell in which every program is a function that records its argv, once with all of them
 * succeeding and once with all failing, so that both sides of `&&` and `||` are reached. Nothing else can be found: PATH is empty.
 */
export function runRecorded(shell: Shell, lines: readonly string[]): Ran {
  const dir = mkdtempSync(join(tmpdir(), 'classifier-oracle-'))
  try {
    chmodSync(dir, 0o777)
    writeFileSync(join(dir, 'driver'), driverFor(shell, lines))
    const runs = ['0', '1'].map((status) => recordOnce(shell, dir, status))
    return lines.map((_, i) => union(runs[0]?.get(i) ?? [], runs[1]?.get(i) ?? []))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function driverFor(shell: Shell, lines: readonly string[]): string {
  const names = [...PROGRAMS.keys(), ...OTHER_NAMES].filter((name) => name !== '[' && isRecordable(shell, name))
  const bracket = shell.kind === 'bash' ? ['enable -n [', 'function [ { record [ "$@"; }'] : []
  const unknown = shell.kind === 'bash' ? ['command_not_found_handle() { record "$@"; }'] : []
  return [
    'set -f',
    // `command` and `printf` become functions too: the recorder must reach the real one.
    shell.kind === 'bash'
      ? `record() { builtin printf '%s\\0' "@$CASE" "$#" "$@" >&9; return $STATUS; }`
      : `record() { /usr/bin/printf '%s\\0' "@$CASE" "$#" "$@" >&9; return $STATUS; }`,
    ...unknown,
    ...names.map((name) => `${name}() { record ${name} "$@"; }`),
    ...bracket,
    ...lines.map((line, i) => `CASE=${i}; ( eval ${quote(line)} ) </dev/null >/dev/null 2>&1`),
    '',
  ].join('\n')
}

const quote = (line: string): string => `'${line.replaceAll("'", `'\\''`)}'`

function recordOnce(shell: Shell, dir: string, status: string): Map<number, string[]> {
  const record = join(dir, `record-${status}`)
  writeFileSync(record, '')
  chmodSync(record, 0o666)
  const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  const args = shell.kind === 'bash' ? ['--norc', '--noprofile'] : []
  const outcome = spawnSync(shell.path, ['-c', '. ./driver 9>>"$1"', shell.path, record].toSpliced(0, 0, ...args), {
    cwd: dir,
    env: { PATH: join(dir, 'nowhere'), STATUS: status },
    ...asNobody,
  })
  if (outcome.error) throw outcome.error
  return readRecord(readFileSync(record, 'utf8'))
}

function readRecord(text: string): Map<number, string[]> {
  const fields = text.split('\0')
  const ran = new Map<number, string[]>()
  for (let at = 0; at < fields.length - 1; ) {
    const index = Number(fields[at]?.slice(1))
    const count = Number(fields[at + 1])
    const argv = JSON.stringify(fields.slice(at + 2, at + 2 + count))
    ran.set(index, [...(ran.get(index) ?? []), argv])
    at += 2 + count
  }
  return ran
}

const union = (a: readonly string[], b: readonly string[]): readonly string[] => [...new Set([...a, ...b])].toSorted()

export function shells(): Shell[] {
  const all: Shell[] = [
    { path: '/bin/bash', kind: 'bash' },
    { path: '/bin/sh', kind: 'sh' },
  ]
  return all.filter(({ path }) => existsSync(path))
}
