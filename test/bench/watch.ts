// Watches processes that are asked nothing for a minute: what they hold, what they burn, what they start.
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryOf } from './processes/process.ts'

const SETTLE_MS = 5_000
const WATCH_MS = 60_000

export type Watched = { memory: ReturnType<typeof memoryOf>; cpuShare: number; started: number }

/** CPU ns of all threads (proc(5), schedstat). */
const cpuOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((sum, ns) => sum + ns, 0)

/** Page faults of ended children (proc(5), stat: cminflt): a process that was started and is gone leaves some. */
const childrenEnded = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[8],
  )

const childrenOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  )

export async function watch(pids: readonly number[]): Promise<Watched[]> {
  await sleep(SETTLE_MS)
  const before = pids.map((pid) => ({ cpu: cpuOf(pid), ended: childrenEnded(pid) }))
  await sleep(WATCH_MS)
  return pids.map((pid, index) => ({
    memory: memoryOf(pid),
    cpuShare: (cpuOf(pid) - (before[index]?.cpu ?? 0)) / (WATCH_MS * 1e6),
    started: childrenOf(pid).length + (childrenEnded(pid) === before[index]?.ended ? 0 : 1),
  }))
}
