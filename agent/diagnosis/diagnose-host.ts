// A diagnosis of the host below a root, from the question to the answer: reality first, then the checks with what is left of
// the time. agent/lanes and the command line import it.
import type { Diagnosis, DiagnosisQuestion } from '#proto/contract/diagnosis.ts'
import type { Containers } from '#proto/contract/docker.ts'
import { createHost, type Runner } from '../reality/host.ts'
import { readReality } from '../reality/reality.ts'
import { CHECKS } from './checks/index.ts'
import { diagnose } from './diagnose.ts'
import { createFacts } from './facts.ts'

/** Of everything; the checks are left what the look at reality has not used, and never less than half. */
const BUDGET_MS = 2_500
const CHECKS_MS = BUDGET_MS / 2

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
  const until = Math.max(began + BUDGET_MS, now + CHECKS_MS)
  const host = createHost({ root, runner, now })
  const facts = createFacts({ host, reality, runner, now, question, left: () => until - clock.now() })
  return diagnose({ question, facts, checks: CHECKS, began, clock, ...(hostKey && { hostKey }) })
}
