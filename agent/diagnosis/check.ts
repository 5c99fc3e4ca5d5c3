// What a check is. Each file of checks/ holds one, and knows no other; diagnose.ts runs them side by side.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Snapshot } from '#proto/contract/reality.ts'
import type { Host } from '../reality/host.ts'

/** What a problem can be about; words.ts finds them in its text. */
export const TOPICS = [
  'disk',
  'memory',
  'cpu',
  'network',
  'dns',
  'tls',
  'time',
  'kernel',
  'logs',
  'service',
  'web',
  'database',
  'container',
  'packages',
  'schedule',
  'deploy',
  'permissions',
] as const
export type Topic = (typeof TOPICS)[number]

/** One line of the journal. */
export type LogLine = { at: number; unit: string; identifier: string; priority: number; pid: number; text: string }

export type Facts = {
  now: number
  /** Bounded reads below a root. */
  host: Host
  reality: Snapshot
  /** Recent messages (an hour, bounded), read once and shared; of one unit, of the kernel, or all at warning and above. */
  journal(of: { unit: string } | 'kernel' | 'warnings'): Promise<LogLine[]>
  /** A fixed read-only program of the table of this room; undefined where it does not answer in time. */
  run(name: string): Promise<string | undefined>
  /** What of this host changes with time, taken twice with a pause between: for rates. */
  twice<T>(read: () => T): Promise<[first: T, second: T, ms: number]>
  /** Whether something answers on this host's own address; connects and reads no more than a status line. */
  probe(target: {
    port: number
    address: string
    http?: string
  }): Promise<{ ok: boolean; status?: number; why: string }>
}

export type Check = {
  name: string
  topics: readonly Topic[]
  run(facts: Facts): Promise<Finding[]> | Finding[]
}
