// The commit that a service's directory stands at, from the files of .git alone: git would run what its configuration says.
// Whoever owns a working tree writes these files, so nothing is taken from them that does not have the exact form.
import { dirname, join } from 'node:path'
import type { Host } from '../host.ts'

export type Head = {
  directory: string
  commit: string
  branch?: string
  at?: number
  message?: string
  before?: string
}

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/
const BRANCH = /^ref: (refs\/(?!.*\.\.)[\w./@+-]{1,200})\s*$/
const PARENTS_MOST = 6
const LOG_TAIL = 4_096

/** The last line of a reflog: `<old> <new> Name <mail> 1700000000 +0100\tcommit: message`. */
export function parseReflog(text: string): { before: string; commit: string; at: number; message: string } | undefined {
  const line = text.trimEnd().split('\n').at(-1) ?? ''
  const [, before = '', commit = '', seconds, message = ''] =
    /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) .*> (\d{1,12}) [+-]\d{4}(?:\t(.*))?$/.exec(line) ?? []
  return seconds === undefined ? undefined : { before, commit, at: Number(seconds) * 1000, message }
}

export const parsePackedRef = (text: string, ref: string): string | undefined =>
  text
    .split('\n')
    .find((line) => line.endsWith(` ${ref}`) && COMMIT.test(line.split(' ')[0] ?? ''))
    ?.split(' ')[0]

/** A worktree and a submodule have a file that names the directory. */
function gitDirectory(host: Host, directory: string): string | undefined {
  const path = join(directory, '.git')
  const stats = host.stat(path)
  if (!stats) return undefined
  if (stats.isDirectory()) return path
  const named = /^gitdir: ([^\n\0]{1,1024})\s*$/.exec(host.text(path, 2_048))?.[1]
  return named ? (named.startsWith('/') ? named : join(directory, named)) : undefined
}

function headOf(host: Host, directory: string, git: string): Head | undefined {
  const head = host.text(join(git, 'HEAD'), 1_024)
  const ref = BRANCH.exec(head)?.[1]
  const common = join(
    git,
    /^(\.\.(?:\/\.\.)*|\/[^\n\0]+)\s*$/.exec(host.text(join(git, 'commondir'), 1_024))?.[1] ?? '.',
  )
  const loose = ref ? host.text(join(common, ref), 128).trim() : head.trim()
  const commit = COMMIT.test(loose)
    ? loose
    : ref && parsePackedRef(host.text(join(common, 'packed-refs'), 1024 * 1024), ref)
  if (!commit || !COMMIT.test(commit)) return undefined
  const last = parseReflog(host.tail(join(git, 'logs/HEAD'), LOG_TAIL))
  return {
    directory,
    commit,
    ...(ref && { branch: ref.replace(/^refs\/heads\//, '') }),
    ...(last?.commit === commit && {
      at: last.at,
      message: last.message,
      ...(/^0+$/.test(last.before) ? {} : { before: last.before }),
    }),
  }
}

/** The working tree that holds a directory; one that covers the whole host is nobody's deploy. */
export function readHead(host: Host, directory: string): Head | undefined {
  let at = directory
  for (let i = 0; i < PARENTS_MOST && at !== '/' && at.startsWith('/'); i++, at = dirname(at)) {
    const git = gitDirectory(host, at)
    if (git) return headOf(host, at, git)
  }
  return undefined
}
