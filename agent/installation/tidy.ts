// What nobody needs any more after an update: versions, and runtimes that none of those kept names.
import { readdirSync, readlinkSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Layout } from './layout.ts'

const namesIn = (directory: string): string[] => {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function linkIn(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** Removes what is staged, these versions unless one is in use, and the runtimes that no version names any more. */
export function tidy({ staging, versions, runtimes, current }: Layout, unneeded: (version: string) => boolean): void {
  rmSync(staging, { recursive: true, force: true })
  const used = linkIn(current)
  if (used === undefined) return // what is in use cannot be told: nothing is unused
  for (const name of namesIn(versions))
    if (unneeded(name) && name !== basename(used)) rmSync(join(versions, name), { recursive: true, force: true })
  const named = namesIn(versions).map((name) => basename(dirname(linkIn(join(versions, name, 'node')) ?? '')))
  for (const id of namesIn(runtimes))
    if (!named.includes(id)) rmSync(join(runtimes, id), { recursive: true, force: true })
}
