// Ends the whole tree of a run. In a unit of systemd's that is everything in the unit's cgroup but the lane itself. Without
// one nothing in the kernel knows the tree, so it is found by what a process cannot easily shed: its parents, its session,
// and the marker in the environment it was started with.
import { setTimeout as delay } from 'node:timers/promises'
import { carriesMarker, commandLine, isAloneIn, isInCgroup, type ProcessEntry, readProcesses } from './process-table.ts'

export type Survivor = { pid: number; command: string }

const POLL_MS = 40

/** The processes of a run: descendants, members of their sessions, and those that `marked` knows. Never this one. */
export function findTree(
  root: number | undefined,
  run: string,
  known: ReadonlySet<number>,
  table: ProcessEntry[],
  marked: (pid: number, run: string) => boolean,
): ProcessEntry[] {
  const tree = new Set<number>(known)
  if (root !== undefined) tree.add(root)
  for (const { pid } of table) if (pid !== process.pid && !tree.has(pid) && marked(pid, run)) tree.add(pid)
  const ours = table.find(({ pid }) => pid === process.pid)?.session
  for (let before = -1; before !== tree.size; ) {
    before = tree.size
    const sessions = new Set(table.filter(({ pid }) => tree.has(pid)).map(({ session }) => session))
    if (root !== undefined) sessions.add(root)
    if (ours !== undefined) sessions.delete(ours)
    for (const { pid, parent, session } of table)
      if (pid !== process.pid && (tree.has(parent) || sessions.has(session))) tree.add(pid)
  }
  return table.filter(({ pid }) => tree.has(pid) && pid !== process.pid)
}

/** `unit`: the cgroup that is this run's alone, when it has one. */
const marking =
  (unit: string | undefined) =>
  (pid: number, run: string): boolean =>
    carriesMarker(pid, run) || (unit !== undefined && isInCgroup(pid, unit))

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // Gone already, or not ours to end: the next look at the table tells.
  }
}

/**
 * TERM, a grace, KILL, until nothing is left or KILL has had its time too.
 * @returns what could not be ended
 */
export async function endTree(options: {
  root: number | undefined
  run: string
  unit?: string | undefined
  graceMs: number
  killMs?: number
}): Promise<Survivor[]> {
  const seen = new Map<number, number>() // pid → start time: a pid that was given to somebody else is not ours
  const look = (): ProcessEntry[] => {
    const table = readProcesses()
    const known = new Set(table.filter(({ pid, startTime }) => seen.get(pid) === startTime).map(({ pid }) => pid))
    const root = options.root !== undefined && (seen.size === 0 || known.has(options.root)) ? options.root : undefined
    const tree = findTree(root, options.run, known, table, marking(options.unit))
    for (const { pid, startTime } of tree) seen.set(pid, startTime)
    return tree
  }
  const until = async (ms: number, name: NodeJS.Signals): Promise<ProcessEntry[]> => {
    const signalled = new Set<number>()
    for (let waited = 0; ; waited += POLL_MS) {
      const left = look()
      if (left.length === 0 || waited >= ms) return left
      for (const { pid } of left) if (name === 'SIGKILL' || !signalled.has(pid)) signal(pid, name)
      for (const { pid } of left) signalled.add(pid)
      await delay(POLL_MS)
    }
  }
  const stubborn = await until(options.graceMs, 'SIGTERM')
  if (stubborn.length === 0) return []
  return (await until(options.killMs ?? 2_000, 'SIGKILL')).map((entry) => ({
    pid: entry.pid,
    command: commandLine(entry),
  }))
}

/** What of a run is alive, without ending it. Who is not root cannot leave the cgroup of its unit (man 7 cgroups). */
export function findSurvivors(run: string, unit?: string): Survivor[] {
  if (unit !== undefined && process.getuid?.() !== 0 && isAloneIn(unit)) return []
  return findTree(undefined, run, new Set(), readProcesses(), marking(unit)).map((entry) => ({
    pid: entry.pid,
    command: commandLine(entry),
  }))
}
