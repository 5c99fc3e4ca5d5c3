// The door of this room: what is wrong with this host, found out by checks that run side by side within a budget of time. It is
// called inside a lane that may read and not write, and by root at the command line; it starts the programs of programs.ts.
import { setTimeout as delay } from 'node:timers/promises'
import type { Diagnosis, DiagnosisQuestion, Finding } from '#proto/contract/diagnosis.ts'
import { cleanAll, createClean } from '../reality/clean.ts'
import type { Check, Facts } from './check.ts'
import { NotPossible } from './not-possible.ts'
import { type Ranked, rank } from './rank.ts'
import { subjectHere } from './subject.ts'
import { withSufferers } from './sufferers.ts'
import { topicsOf } from './words.ts'

const FINDINGS_MAX = 50

export type DiagnoseOptions = {
  question: DiagnosisQuestion
  facts: Facts
  checks: readonly Check[]
  hostKey?: Buffer
  /** When the host was asked: reading reality is part of it. */
  began: number
  clock: { now(): number }
}

type Ran = { check: Check; state: Diagnosis['checks'][number]['state']; why?: string; findings: Finding[] }

export async function diagnose({
  question,
  facts,
  checks,
  hostKey,
  began,
  clock,
}: DiagnoseOptions): Promise<Diagnosis> {
  const topics = topicsOf(`${question.problem} ${question.subject ?? ''}`)
  const touches = (check: Check): boolean => check.topics.some((topic) => topics.has(topic))
  // What the problem speaks of begins first, and so has the most time.
  const ordered = checks.toSorted((a, b) => Number(touches(b)) - Number(touches(a)))
  const over = new AbortController()
  const ran = await Promise.all(ordered.map((check) => runCheck(check, facts, over.signal)))
  over.abort()
  const found = ran.flatMap(({ check, findings }): Ranked[] =>
    findings.map((finding) => ({ finding: withSufferers(finding, facts), touched: touches(check) })),
  )
  const subject = subjectHere(facts)
  const told = {
    ...(subject && { subject }),
    findings: rank(found, question).slice(0, FINDINGS_MAX),
    checks: ran.map(({ check: { name }, state, why }) => ({ name, state, ...(why && { why }) })),
  }
  return {
    at: facts.now,
    tookMs: Math.max(0, Math.round(clock.now() - began)),
    ...cleanAll(told, createClean(hostKey)),
  }
}

async function runCheck(check: Check, facts: Facts, signal: AbortSignal): Promise<Ran> {
  const late = delay(Math.max(0, facts.left()), undefined, { signal }).then(
    (): Ran => ({ check, state: 'out_of_time', findings: [] }),
    (): Ran => ({ check, state: 'out_of_time', findings: [] }),
  )
  return Promise.race([attempt(check, facts), late])
}

async function attempt(check: Check, facts: Facts): Promise<Ran> {
  try {
    await Promise.resolve() // so that all begin before one that reads much
    return { check, state: 'done', findings: await check.run(facts) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { check, state: error instanceof NotPossible ? 'not_possible' : 'failed', why, findings: [] }
  }
}
