// The host as this room reads it: every read is bounded, opens ordinary files only, and never waits for a pipe or device.
// The root is a parameter, and so is whatever starts a program. Reading is synchronous: of /proc that costs a fifth.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'

/** The programs that this room asks for, word for word; whoever runs them need allow no others. */
export const COMMANDS = {
  units: [
    'systemctl',
    'show',
    '--no-pager',
    // Also what is stopped.
    '--all',
    `--property=${[
      'Id,Description,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,MainPID,ExecMainStatus,ExecMainCode',
      'MemoryCurrent,CPUUsageNSec,Type,RemainAfterExit,User,WorkingDirectory,FragmentPath,DropInPaths,TriggeredBy,Triggers',
      'Listen,ConditionResult,NeedDaemonReload,ActiveEnterTimestampMonotonic,InactiveEnterTimestampMonotonic',
      'NextElapseUSecRealtime,NextElapseUSecMonotonic,LastTriggerUSec,TimersCalendar,TimersMonotonic',
    ].join()}`,
    '*.service',
    '*.socket',
    '*.timer',
    '*.path',
    '*.mount',
  ],
  /** Whose cgroup a socket was made in: for whoever may not look at the descriptors of others. */
  sockets: ['ss', '-H', '-tulne', '--cgroup'],
  rpm: ['rpm', '-qa', '--nodigest', '--nosignature', '--qf', '%{NAME}\\t%{EVR}\\t%{INSTALLTIME}\\n'],
} as const
export type Runner = (argv: readonly string[]) => Promise<{ code: number; stdout: string }>

const KIB = 1024
const CHUNK = 64 * KIB
const LIST_MAX = 20_000
const GLOB_MAX = 512

/** What systemd puts in the place of a path that a unit hides (man 5 systemd.exec, InaccessiblePaths=). */
const PLACEHOLDER = /^\S+ \S+ \S+ \S*\/inaccessible\/(?:reg|dir|chr|blk|fifo|sock) (\S+) /gm

export const HIDDEN = 'not visible: hidden from the lane that looks'

export type Entry = { path: string; name: string; mtime: number }
export type Host = ReturnType<typeof createHost>

export function createHost({ root, runner, now }: { root: string; runner: Runner; now: number }) {
  const gaps = new Map<string, string>()
  const at = (path: string): string => join(root, path)
  const missing = (what: string, error: unknown): undefined => {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ESRCH' && gaps.size < 100)
      gaps.set(what.replace(/^\/proc\/\d+\//, '/proc/<pid>/').replace(/\/fd\/\d+$/, '/fd'), code ?? String(error))
    return undefined
  }

  /** The bytes of a file from an offset; undefined where there is none. `ownedBy`: only where that user owns it. */
  const bytes = (path: string, most: number, { from = 0, ownedBy }: { from?: number; ownedBy?: number } = {}) => {
    let fd: number | undefined
    try {
      fd = openSync(at(path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
      const stats = fstatSync(fd)
      if (!stats.isFile() || (ownedBy !== undefined && stats.uid !== ownedBy)) return undefined
      return readUpTo(fd, from < 0 ? Math.max(0, stats.size + from) : from, most)
    } catch (error) {
      return missing(path, error)
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }
  const attempt = <T>(path: string, read: (real: string) => T): T | undefined => {
    try {
      return read(at(path))
    } catch (error) {
      return missing(path, error)
    }
  }
  const list = (path: string): string[] => (attempt(path, (real) => readdirSync(real)) ?? []).slice(0, LIST_MAX).sort()
  const stat = (path: string) => attempt(path, (real) => statSync(real))

  /** Empty for whoever looks from inside a unit, and perhaps not so on the host: their absence there says nothing. */
  const hidden = [...(bytes('/proc/self/mountinfo', 1024 * KIB)?.toString('utf8') ?? '').matchAll(PLACEHOLDER)].map(
    ([, path = '']) => path,
  )

  return {
    now,
    hidden,
    hides: (path: string): boolean => hidden.some((each) => path === each || path.startsWith(`${each}/`)),
    /** At most `most` bytes of a file as text; '' where there is none. */
    text: (path: string, most = 256 * KIB, of: { ownedBy?: number } = {}): string =>
      bytes(path, most, of)?.toString('utf8') ?? '',
    /** A small file that the kernel itself writes, under /proc/<pid>: in one step, which is what thousands need. */
    kernel: (path: string): string => attempt(path, (real) => readFileSync(real, 'utf8')) ?? '',
    /** The end of a log. */
    tail: (path: string, most: number): string => bytes(path, most, { from: -most })?.toString('utf8') ?? '',
    bytes,
    list,
    stat,
    link: (path: string): string => attempt(path, (real) => readlinkSync(real)) ?? '',
    /** What the name itself is, a link not followed. */
    kind: (path: string): 'link' | 'other' | undefined => {
      const stats = attempt(path, (real) => lstatSync(real))
      return stats && (stats.isSymbolicLink() ? 'link' : 'other')
    },
    exists: (path: string): boolean => attempt(path, (real) => lstatSync(real)) !== undefined,
    glob: (pattern: string): string[] =>
      glob(pattern, list, (path) => attempt(path, (real) => lstatSync(real)) !== undefined),
    /** The files of a directory with the time of their last change, links followed. */
    entries: (path: string): Entry[] =>
      list(path).flatMap((name) => {
        const stats = stat(join(path, name))
        return stats?.isFile() ? [{ path: join(path, name), name, mtime: Math.floor(stats.mtimeMs) }] : []
      }),
    async run(name: keyof typeof COMMANDS): Promise<string | undefined> {
      try {
        const { code, stdout } = await runner(COMMANDS[name])
        if (code !== 0) gaps.set(COMMANDS[name].slice(0, 2).join(' '), `ended with ${code}`)
        return code === 0 || stdout !== '' ? stdout : undefined
      } catch (error) {
        gaps.set(COMMANDS[name].slice(0, 2).join(' '), (error as NodeJS.ErrnoException).code ?? 'did not run')
        return undefined
      }
    },
    at,
    gaps,
  }
}

/** What is read goes here first: most files are small, and there are thousands. */
const scratch = Buffer.allocUnsafeSlow(CHUNK)

/** Files of /proc say that they are empty, so their size is no guide. */
function readUpTo(fd: number, from: number, most: number): Buffer {
  const parts: Buffer[] = []
  for (let used = 0; used < most; ) {
    const read = readSync(fd, scratch, 0, Math.min(CHUNK, most - used), from + used)
    if (read === 0) break
    parts.push(Buffer.from(scratch.subarray(0, read)))
    used += read
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
}

/** `*`, `?` and `[…]` within one name each, as the configurations of servers use them (man 7 glob). */
function glob(pattern: string, list: (path: string) => string[], exists: (path: string) => boolean): string[] {
  let found = ['/']
  for (const part of pattern.split('/').filter(Boolean)) {
    const matches = /[*?[]/.test(part) ? nameMatcher(part) : undefined
    found = found.flatMap((base) =>
      matches
        ? list(base)
            .filter(matches)
            .map((name) => join(base, name))
        : [join(base, part)],
    )
    found.length = Math.min(found.length, GLOB_MAX)
  }
  return found.filter(exists)
}

/** Matches without a regular expression made of the pattern: one with many stars would take for ever. */
export function nameMatcher(pattern: string): (name: string) => boolean {
  const tokens = pattern.match(/\[[^\]]+\]|[\s\S]/g) ?? []
  const fits = (token: string, character: string): boolean =>
    token === '?' || token === character || (token.length > 1 && inClass(token.slice(1, -1), character))
  return (name) => {
    if (name.startsWith('.') && !pattern.startsWith('.')) return false
    let star = -1
    let mark = 0
    let token = 0
    for (let place = 0; place < name.length; ) {
      if (tokens[token] === '*') {
        star = token++
        mark = place
      } else if (token < tokens.length && fits(tokens[token] ?? '', name[place] ?? '')) {
        token++
        place++
      } else if (star >= 0) {
        token = star + 1
        place = ++mark
      } else return false
    }
    while (tokens[token] === '*') token++
    return token === tokens.length
  }
}

function inClass(members: string, character: string): boolean {
  const negated = /^[!^]/.test(members)
  const set = negated ? members.slice(1) : members
  const inside = [...set.matchAll(/(.)-(.)|(.)/g)].some(([, from, to, one]) =>
    one === undefined ? (from ?? '') <= character && character <= (to ?? '') : one === character,
  )
  return inside !== negated
}
