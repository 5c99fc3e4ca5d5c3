// Who runs on this host, from /proc (man 5 proc_pid_stat). Reading and parsing apart; the proc directory is a parameter.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type ProcessEntry = {
  pid: number
  command: string
  state: string
  parent: number
  group: number
  session: number
  /** Clock ticks after boot: with the pid it names one process for as long as the host is up. */
  startTime: number
}

/** The command stands in parentheses and may hold any byte, so the last one closes it. */
export function parseStat(text: string): ProcessEntry | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < 0) return undefined
  const fields = text.slice(close + 2).split(' ')
  return {
    pid: Number(text.slice(0, open)),
    command: text.slice(open + 1, close),
    state: fields[0] ?? '?',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime: Number(fields[19]),
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // it ended, or belongs to somebody else
  }
}

/** A process that still runs, or undefined: one that has ended and was not yet waited for (a zombie) has ended. */
export function readProcess(pid: number, proc = '/proc'): ProcessEntry | undefined {
  const entry = parseStat(read(join(proc, String(pid), 'stat')) ?? '')
  return entry && entry.state !== 'Z' && entry.state !== 'X' ? entry : undefined
}

export function readProcesses(proc = '/proc'): ProcessEntry[] {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name), proc) ?? [])
}

/** The environment variable that every process of a run inherits. */
export const RUN_MARKER = 'MTTRLY_RUN'

export function carriesMarker(pid: number, run: string, proc = '/proc'): boolean {
  return (read(join(proc, String(pid), 'environ')) ?? '').split('\0').includes(`${RUN_MARKER}=${run}`)
}

/** Where systemd put a process: its v1 hierarchy, or the only one of v2 (man 7 cgroups, /proc/<pid>/cgroup). */
export function cgroupOf(pid: number | 'self', proc = '/proc'): string | undefined {
  const lines = (read(join(proc, String(pid), 'cgroup')) ?? '').split('\n')
  const line = lines.find((each) => /^\d+:name=systemd:/.test(each)) ?? lines.find((each) => each.startsWith('0::'))
  return line?.slice(line.indexOf(':', line.indexOf(':') + 1) + 1)
}

export function isInCgroup(pid: number, cgroup: string, proc = '/proc'): boolean {
  const own = cgroupOf(pid, proc)
  return own !== undefined && (own === cgroup || own.startsWith(`${cgroup}/`))
}

/** Whether this process is all that a cgroup and those below it hold. False also where the kernel does not show it. */
export function isAloneIn(cgroup: string, root = '/sys/fs/cgroup'): boolean {
  return [join(root, 'systemd', cgroup), join(root, cgroup)].some(
    (directory) => read(join(directory, 'cgroup.procs'))?.trim() === String(process.pid) && !hasDirectories(directory),
  )
}

const hasDirectories = (directory: string): boolean =>
  readdirSync(directory, { withFileTypes: true }).some((entry) => entry.isDirectory())

/** The command line as `ps` shows it, at most 8192 characters. It may hold secrets. */
export function commandLine({ pid, command }: ProcessEntry, proc = '/proc'): string {
  const line = (read(join(proc, String(pid), 'cmdline')) ?? '').replaceAll('\0', ' ').trim()
  return (line || `[${command}]`).slice(0, 8_192)
}

/** Identifies a process across restarts of whoever remembers it. */
export type ProcessIdentity = { pid: number; startTime: number; bootId: string }

export const readBootId = (proc = '/proc'): string => (read(join(proc, 'sys/kernel/random/boot_id')) ?? '').trim()

export function identify(pid: number, proc = '/proc'): ProcessIdentity {
  return { pid, startTime: readProcess(pid, proc)?.startTime ?? 0, bootId: readBootId(proc) }
}

export const stillRuns = ({ pid, startTime, bootId }: ProcessIdentity, proc = '/proc'): boolean =>
  bootId === readBootId(proc) && readProcess(pid, proc)?.startTime === startTime
