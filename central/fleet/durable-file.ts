// Files that are there whole or not at all, even after a power cut: written aside, synced, renamed, directory synced.
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

const ASIDE = '.partial'

/** Mode 0600. */
export function writeDurably(path: string, content: string | Buffer): void {
  const aside = path + ASIDE
  rmSync(aside, { force: true })
  const file = openSync(aside, 'wx', 0o600)
  try {
    writeSync(file, typeof content === 'string' ? Buffer.from(content) : content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(aside, path)
  syncDirectory(dirname(path))
}

export function syncDirectory(dir: string): void {
  const handle = openSync(dir, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Names in `dir` without what an interrupted write left; undefined when there is no such directory. */
export function filesIn(dir: string): string[] | undefined {
  try {
    const names = readdirSync(dir)
    for (const name of names.filter((n) => n.endsWith(ASIDE))) rmSync(join(dir, name), { force: true })
    return names.filter((name) => !name.endsWith(ASIDE))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
}
