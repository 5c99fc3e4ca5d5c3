// What the checks look at, read once and shared: the host's files, reality, the journal, a few fixed programs, and rates.
import { setTimeout as delay } from 'node:timers/promises'
import type { DiagnosisQuestion } from '#proto/contract/diagnosis.ts'
import type { Snapshot } from '#proto/contract/reality.ts'
import type { Host, Runner } from '../reality/host.ts'
import type { Answered, Facts, LogLine } from './check.ts'
import { parseJournal } from './journal.ts'
import { askResolver, probe } from './probe.ts'
import { argvOf, type ProgramName } from './programs.ts'

/** Between the two looks of `twice`. */
const PAUSE_MS = 600

export type FactsOptions = {
  host: Host
  reality: Snapshot
  runner: Runner
  now: number
  question: DiagnosisQuestion
  /** Milliseconds that are left. */
  left(): number
}

export function createFacts({ host, reality, runner, now, question, left }: FactsOptions): Facts {
  const asked = new Map<string, Promise<string | undefined>>()
  const read = new Map<string, Promise<LogLine[]>>()
  const probed = new Map<string, Promise<Answered>>()

  const start = async (argv: readonly string[]): Promise<string | undefined> => {
    try {
      const { code, stdout } = await runner(argv)
      return code === 0 || stdout !== '' ? stdout : undefined
    } catch {
      return undefined
    }
  }
  const run = (name: ProgramName, of?: string): Promise<string | undefined> => {
    const argv = argvOf(name, of)
    if (!argv) return Promise.resolve(undefined)
    return remember(asked, argv.join(' '), () => start(argv))
  }
  return {
    now,
    question,
    host,
    reality,
    left,
    run,
    journal(of) {
      const [name, unit] = typeof of === 'string' ? ([of, ''] as const) : (['unit_journal', of.unit] as const)
      return remember(read, `${name} ${unit}`, async () =>
        parseJournal((await run(name, unit)) ?? (name === 'recent' ? await run('recent_few') : undefined) ?? ''),
      )
    },
    async twice(look) {
      const first = await look()
      const began = performance.now()
      await delay(PAUSE_MS)
      const second = await look()
      return [first, second, performance.now() - began]
    },
    probe: (target) => remember(probed, JSON.stringify(target), () => probe(target)),
    resolver: askResolver,
  }
}

function remember<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const there = known.get(key)
  if (there) return there
  const made = make()
  known.set(key, made)
  return made
}
