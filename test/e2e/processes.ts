// Processes on this machine, for tests that end some of them and must leave none behind. Only ever looks at /proc and only
// ever signals a pid that the caller has found by a directory or a run of its own.
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export type Running = { pid: number; parent: number; command: string }

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()

function parentOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`)
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return stat === '' || state === 'Z' || state === 'X' ? undefined : Number(parent)
}

/** Everything that runs, without what has ended and waits to be noticed. */
export function processes(): Running[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((name) => {
    const pid = Number(name)
    const parent = parentOf(pid)
    if (parent === undefined || pid === process.pid) return []
    return [{ pid, parent, command: commandOf(pid) }]
  })
}

/** What was started with this text in its command line or its environment. */
export const processesWith = (text: string): Running[] =>
  processes().filter(({ pid, command }) => command.includes(text) || read(`/proc/${pid}/environ`).includes(text))

/** The children of a process; cheap enough to be asked again and again. */
export const childrenOf = (pid: number): Pick<Running, 'pid' | 'command'>[] =>
  read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter(Boolean)
    .map((child) => ({ pid: Number(child), command: commandOf(Number(child)) }))

/** These and all that descends from them. */
export function withDescendants(roots: readonly number[]): number[] {
  const table = processes()
  const tree = new Set(roots)
  for (let before = -1; before !== tree.size; ) {
    before = tree.size
    for (const { pid, parent } of table) if (tree.has(parent)) tree.add(pid)
  }
  return [...tree]
}

/** Says whether it was there to be signalled. What never started has no pid, and 0 would mean all of us. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  if (pid <= 0) return false
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** What is still there after a while; what is left then is ended, so that the machine stays clean. */
export async function leftovers(find: () => Running[], patienceMs = 10_000): Promise<Running[]> {
  for (let waited = 0; waited < patienceMs && find().length > 0; waited += 50) await sleep(50)
  const left = find()
  for (const { pid } of left) signal(pid, 'SIGKILL')
  return left
}
