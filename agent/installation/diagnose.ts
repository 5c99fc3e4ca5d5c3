// `mttrly-agent diagnose`: what is wrong with this host, on the host itself and without Central. It changes nothing.
import { parseArgs } from 'node:util'
import type { Diagnosis } from '#proto/contract/diagnosis.ts'
import { diagnoseHost } from '../diagnosis/diagnose-host.ts'
import { hasEngine } from '../docker/sockets.ts'
import { readIfThere } from '../files/durable-file.ts'
import { ask } from '../process/ask.ts'
import { layoutUnder } from './layout.ts'
import type { Command } from './main.ts'

const PROGRAM_MS = 5_000
const HEALTHY_EXIT = 0
const FINDINGS_EXIT = 1

const runner = async (argv: readonly string[]): Promise<{ code: number; stdout: string }> => {
  const stdout = await ask(argv, PROGRAM_MS)
  return { code: stdout === undefined ? 1 : 0, stdout: stdout ?? '' }
}

/** For a person at a terminal. */
export function report({ subject, findings, checks, tookMs }: Diagnosis): string {
  const told = findings.flatMap(({ severity, cause, subject, title, confidence, impact, evidence, next }, i) => [
    `${i + 1}. ${severity} ${cause} ${subject} (${Math.round(confidence * 100)} % sure)`,
    `   ${title}`,
    ...impact.map((each) => `   brings about: ${each}`),
    ...evidence.map(({ source, at, seen }) => `   ${new Date(at).toISOString()} ${source}: ${seen}`),
    ...next.map(({ tool, arguments: given, why }) => `   -> ${why}: ${tool} ${JSON.stringify(given)}`),
    '',
  ])
  const unknown = checks.filter(({ state }) => state !== 'done')
  const near = subject?.near.length ? `: did you mean ${subject.near.join(', ')}?` : ''
  return [
    ...(subject?.known === false ? [`this host has nothing of the name that was given${near}`, ''] : []),
    ...(findings.length === 0 ? ['nothing wrong was found', ''] : told),
    ...unknown.map(({ name, state, why }) => `not known: ${name} (${state}${why ? `, ${why}` : ''})`),
    `${checks.length} checks in ${tookMs} ms`,
    '',
  ].join('\n')
}

export const diagnose: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean' }, subject: { type: 'string' } },
    allowPositionals: true,
  })
  const hostKey = readIfThere(layoutUnder('/').hostKey)
  const question = {
    problem: positionals.join(' ').slice(0, 2_000),
    ...(values.subject && { subject: values.subject.slice(0, 300) }),
  }
  // Loaded where there is an engine alone: what asks it is large.
  const engine = hostKey && hasEngine() ? await (await import('../docker/here.ts')).containersHere(hostKey) : undefined
  const diagnosis = await diagnoseHost({
    question,
    root: '/',
    runner,
    clock: Date,
    engine,
    ...(hostKey && { hostKey }),
  })
  process.stdout.write(values.json ? `${JSON.stringify(diagnosis)}\n` : report(diagnosis))
  return diagnosis.findings.every(({ severity }) => severity === 'low') ? HEALTHY_EXIT : FINDINGS_EXIT
}
