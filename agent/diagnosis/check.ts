// What a check is. Each file of checks/ holds one, and knows no other; diagnose.ts runs them side by side.
import type { DiagnosisQuestion, Finding } from '#proto/contract/diagnosis.ts'
import type { Snapshot } from '#proto/contract/reality.ts'
import type { Host } from '../reality/host.ts'
import type { ProgramName } from './programs.ts'

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
export type LogLine = {
  at: number
  unit: string
  /** Of which unit of an account its own manager speaks. */
  userUnit?: string
  identifier: string
  priority: number
  pid: number
  text: string
}

/** Something on this host's own address. `http`: a path to ask for; `tls`: with which name to shake hands. */
export type Target = { port: number; address: string; http?: string; tls?: string }
export type Answered = {
  ok: boolean
  /** Of HTTP, or of DNS. */
  status?: number
  why: string
  certificate?: { subject: string; names: string[]; notBefore: number; notAfter: number }
}

export type Facts = {
  now: number
  /** What was asked: it says what matters, and never what is true. */
  question: DiagnosisQuestion
  /** Bounded reads below a root. */
  host: Host
  reality: Snapshot
  /** Milliseconds that this diagnosis still has: what can take long ends before, with what it has. */
  left(): number
  /** Messages of the last hour (of the kernel: of a day), bounded, read once and shared. `recent`: the last few thousand of anybody. */
  journal(of: { unit: string } | 'kernel' | 'warnings' | 'recent'): Promise<LogLine[]>
  /** A fixed read-only program of programs.ts; undefined where it does not answer in time. */
  run(name: ProgramName, of?: string): Promise<string | undefined>
  /** What of this host changes with time, taken twice with a pause between: for rates. */
  twice<T>(read: () => T | Promise<T>): Promise<[first: T, second: T, ms: number]>
  /** Whether something answers on this host's own address; connects and reads no more than a status line. */
  probe(target: Target): Promise<Answered>
  /** Whether a name server of resolv.conf answers. */
  resolver(address: string): Promise<Answered>
}

export type Check = {
  name: string
  topics: readonly Topic[]
  run(facts: Facts): Promise<Finding[]> | Finding[]
}
