// What takes the space, or the inodes, of one file system: a walk that stays on it, and ends when its time is over.
import { type Dirent, lstatSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import type { Host } from '../reality/host.ts'

export type Place = { path: string; bytes: number; entries: number }
export type Walked = {
  /** Allocated; a file with several names counts once. */
  bytes: number
  entries: number
  /** Nothing was left out: neither for time nor because it may not be seen. */
  complete: boolean
  files: Place[]
  /** Of what lies in each, at any depth. */
  directories: Place[]
}

const ENTRIES_MAX = 200_000
const SHOWN = 5
/** What fills up on a host usually does so here. */
const FIRST = ['var', 'log', 'tmp', 'srv', 'data', 'opt', 'home']
/** Of the kernel, and of nobody's disk. */
const NEVER = new Set(['/proc', '/sys', '/dev'])
const BREATH_MS = 15

export async function walk(host: Host, top: string, until: () => boolean): Promise<Walked> {
  const device = host.stat(top)?.dev
  const files: Place[] = []
  const linked = new Set<number>()
  const directories = new Map<string, Place>()
  const pending = [top]
  let [bytes, entries, complete] = [0, 0, !host.hidden.some((path) => isBelow(path, top))]
  let breathed = performance.now()

  while (pending.length > 0) {
    if (until() || entries > ENTRIES_MAX) {
      complete = false
      break
    }
    const directory = pending.pop() ?? top
    const found = listOf(host.at(directory))
    if (!found) complete = false
    let [own, count] = [0, 0]
    for (const entry of order(found ?? [])) {
      const path = join(directory, entry.name)
      const stats = statOf(host.at(path))
      if (!stats || stats.dev !== device) continue
      count += 1
      const size = stats.nlink > 1 && entry.isFile() && linked.has(stats.ino) ? 0 : stats.blocks * 512
      if (stats.nlink > 1) linked.add(stats.ino)
      own += size
      if (entry.isDirectory()) {
        if (!NEVER.has(path)) pending.push(path)
      } else keep(files, { path, bytes: size, entries: 1 })
    }
    bytes += own
    entries += count
    addUpwards(directories, directory, top, own, count)
    if (performance.now() - breathed > BREATH_MS) {
      await breathe()
      breathed = performance.now()
    }
  }
  return { bytes, entries, complete, files, directories: [...directories.values()] }
}

/** Deepest first where one holds nearly all of another: that names the place, and not every directory above it. */
export function largest(places: readonly Place[], by: 'bytes' | 'entries', top: string): Place[] {
  const sorted = places.filter(({ path }) => path !== top).toSorted((a, b) => b[by] - a[by] || depth(b) - depth(a))
  const chosen: Place[] = []
  for (const place of sorted.slice(0, 200)) {
    const inner = sorted.some((other) => isBelow(other.path, place.path) && other[by] > place[by] * 0.8)
    const outer = chosen.some((other) => isBelow(place.path, other.path))
    if (!inner && !outer) chosen.push(place)
    if (chosen.length === SHOWN) break
  }
  return chosen
}

const depth = ({ path }: Place): number => path.split('/').length
const isBelow = (path: string, of: string): boolean => path !== of && path.startsWith(of === '/' ? '/' : `${of}/`)

function keep(files: Place[], file: Place): void {
  if (files.length === SHOWN && file.bytes <= (files.at(-1)?.bytes ?? 0)) return
  files.push(file)
  files.sort((a, b) => b.bytes - a.bytes)
  files.length = Math.min(files.length, SHOWN)
}

function addUpwards(all: Map<string, Place>, from: string, top: string, bytes: number, entries: number): void {
  for (let path = from; ; path = dirname(path)) {
    const place = all.get(path) ?? { path, bytes: 0, entries: 0 }
    place.bytes += bytes
    place.entries += entries
    all.set(path, place)
    if (path === top || path === '/') return
  }
}

/** The last is looked at first. */
const order = (entries: readonly Dirent[]): Dirent[] =>
  entries.toSorted((a, b) => Number(FIRST.includes(a.name)) - Number(FIRST.includes(b.name)))

function listOf(path: string): Dirent[] | undefined {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : undefined
  }
}

function statOf(path: string) {
  try {
    return lstatSync(path)
  } catch {
    return undefined // gone meanwhile
  }
}
