// A diagnosis of the host below a root, from the question to the answer: reality first, then the checks with what is left of
// the time. agent/lanes and the command line import it.
import type { Diagnosis, DiagnosisQuestion } from '#proto/contract/diagnosis.ts'
import type { Containers } from '#proto/contract/docker.ts'
import { createHost, type Runner } from '../reality/host.ts'
import { readReality } from '../reality/reality.ts'
import { CHECKS } from './checks/index.ts'
import { diagnose } from './diagnose.ts'
import { createFacts } from './facts.ts'

/** Of everything. A host that is so busy that the look at reality has used it gets more: it is the one with a problem. */
const BUDGET_MS = 2_500
const MOST_MS = 8_000

export type DiagnoseHostOptions = {
  question: DiagnosisQuestion
  root: string
  runner: Runner
  clock: { now(): number }
  hostKey?: Buffer
  engine?: Containers | undefined
}

export async function diagnoseHost({
  question,
  root,
  runner,
  clock,
  hostKey,
  engine,
}: DiagnoseHostOptions): Promise<Diagnosis> {
  const began = clock.now()
  const reality = await readReality({ root, runner, clock, engine, ...(hostKey && { hostKey }) })
  const now = clock.now()
  const until = Math.min(began + MOST_MS, Math.max(began + BUDGET_MS, now + 2 * (now - began)))
  const host = createHost({ root, runner, now })
  const facts = createFacts({ host, reality, runner, now, question, left: () => until - clock.now() })
  return diagnose({ question, facts, checks: CHECKS, began, clock, ...(hostKey && { hostKey }) })
}
