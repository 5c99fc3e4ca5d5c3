// The inspect lane: one verb, looked up in the table again and run as it stands, the look at our own installation, a
// question about files, the snapshot of what runs here, or what is wrong with it. The lane itself reads what root reads; a verb is started without
// any capability (agent/decisions/0005-inspect-lane.md).
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Containers } from '#proto/contract/docker.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { verbOf } from '#proto/verbs/verb-of.ts'
import { loadPolicy, type Policy, refuseLane } from '../guard/policy.ts'
import { ask } from '../process/ask.ts'
import { endAfter } from '../process/deadline.ts'
import { attackOn, runAttack } from '../process/isolation.ts'
import type { Caller } from './caller.ts'
import { type Containment, prepareContainment } from './containment.ts'
import { look } from './look.ts'
import type { LaneSettings } from './settings.ts'
import {
  type AttackRequest,
  type DiagnoseRequest,
  type DiagnosisAnswer,
  emptyOutcome,
  type FilesAnswer,
  type FilesRequest,
  type Health,
  type InspectRequest,
  type InstallationRequest,
  type Outcome,
  type RealityAnswer,
  type RealityRequest,
  type Refusal,
} from './words.ts'

const DIRECTORIES = ['/usr/bin', '/bin', '/usr/sbin', '/sbin']
const WITHOUT_CAPABILITIES = ['/usr/bin/setpriv', '--ambient-caps=-dac_read_search', '--']
/** No pager, no colours, no links, no terminal to ask on. */
const ENVIRONMENT = {
  PATH: DIRECTORIES.join(':'),
  LANG: 'C.UTF-8',
  HOME: '/',
  TERM: 'dumb',
  SYSTEMD_PAGER: '',
  SYSTEMD_PAGERSECURE: '1',
  SYSTEMD_COLORS: '0',
  SYSTEMD_URLIFY: '0',
}

/** Of the whole snapshot or diagnosis, and of one program that it asks. */
const AROUND_S = 10
const PROGRAM_MS = 5_000

const REHEARSAL = JSON.stringify({
  ...{ do: 'read', path: '/etc/os-release', ring: 'normal' },
  ...{ wanted: { kind: 'tail', lines: 1 }, maxBytes: 4096 },
})

type Answer =
  | { outcome: Outcome | Health | FilesAnswer | RealityAnswer | DiagnosisAnswer }
  | { refusal: Refusal }
  | { report: string }
type Verb = { program: string; args: readonly string[] }

const isText = (word: unknown): word is string => typeof word === 'string' && !word.includes('\0')

/** What the daemon hands over is believed in nothing, not even in its shape. */
function verbIn(argv: unknown): Verb | { why: string } {
  if (!Array.isArray(argv) || !argv.every(isText)) return { why: 'The words of a verb are text.' }
  const found = verbOf(argv)
  if ('refused' in found) return { why: found.refused }
  if (found.lane !== 'inspect') return { why: 'It is a verb of another lane.' }
  return { program: found.program, args: argv.slice(1) }
}

/** Loads what most requests need and reads a file as one would, so that a lane that waited answers at once. */
export async function prepareInspectLane(caller: Caller, settings: LaneSettings, asked: () => boolean): Promise<void> {
  const answer = await loadPolicy(settings.configDirectory)
  if (asked() || !answer.ok) return
  const lane = { containment: prepareContainment(settings), policy: answer.policy, settings, caller }
  await filesIn({ do: 'files', json: REHEARSAL }, lane).catch(() => {}) // what is wrong is told to who asks
}

export async function inspectLane(
  request: InspectRequest | InstallationRequest | FilesRequest | RealityRequest | DiagnoseRequest | AttackRequest,
  caller: Caller,
  settings: LaneSettings,
): Promise<Answer> {
  if (settings.unit === undefined) throw new Error('the inspect lane is a unit of systemd')
  const containment = prepareContainment(settings)
  const answer = await loadPolicy(settings.configDirectory)
  if (!answer.ok) return { refusal: refuseLane(answer, 'inspect') ?? { code: 'POLICY_DENIED', details: {} } }
  const { policy } = answer
  if (request.do === 'attack') return { report: await attacked(request, containment, policy) }
  const refusal = refuseLane(answer, 'inspect')
  if (refusal) return { refusal }
  if (request.do === 'installation') return { outcome: await installation() }
  const open = containment.refuse(policy)
  if (open) return { refusal: open }
  const lane = { containment, policy, settings, caller }
  if (request.do === 'files') return await filesIn(request, lane)
  if (request.do === 'reality') return { outcome: { json: await reality(request, settings) } }
  if (request.do === 'diagnose') return await diagnosis(request, settings)
  const verb = verbIn(request.argv)
  if ('why' in verb) return { refusal: { code: 'POLICY_DENIED', details: { reason: 'not_a_verb', why: verb.why } } }
  return { outcome: await run(verb, request.timeoutMs, lane) }
}

/** Loaded when it is asked for: a verb does without. */
async function filesIn({ json }: FilesRequest, lane: Parameters<typeof look>[1]): Promise<Answer> {
  const { answerFiles } = await import('./files.ts')
  const runVerb = (argv: readonly string[], timeoutMs: number, caller: Caller): Promise<Outcome> => {
    const verb = verbIn(argv)
    if ('why' in verb) throw new CatalogueError('VALIDATION_ERROR', { field: 'path', why: verb.why })
    return run(verb, timeoutMs, { ...lane, caller })
  }
  try {
    return { outcome: { json: await answerFiles(json, { ...lane, runVerb }) } }
  } catch (error) {
    if (error instanceof CatalogueError) return { refusal: { code: error.code, details: error.details } }
    throw error
  }
}

const programAt = (program: string): string | undefined =>
  DIRECTORIES.map((directory) => join(directory, program)).find(existsSync)

async function run({ program, args }: Verb, timeoutMs: number, lane: Parameters<typeof look>[1]): Promise<Outcome> {
  const path = programAt(program)
  if (path === undefined) return emptyOutcome('RUN_STATE_NOT_STARTED', `There is no ${program} on this server.`)
  return look({ argv: [...WITHOUT_CAPABILITIES, path, ...args], env: ENVIRONMENT, timeoutMs }, lane)
}

/** For what asks programs of tables of its own; they have no capability either. */
async function runner([program = '', ...args]: readonly string[]): Promise<{ code: number; stdout: string }> {
  const path = programAt(program)
  if (path === undefined) throw Object.assign(new Error('no such program'), { code: 'ENOENT' })
  const stdout = await ask([...WITHOUT_CAPABILITIES, path, ...args], PROGRAM_MS)
  return { code: stdout === undefined ? 1 : 0, stdout: stdout ?? '' }
}

/** It comes from another lane, by way of the daemon: what is not of its form is left out. */
async function engineIn(json: unknown): Promise<Containers | undefined> {
  if (typeof json !== 'string' || json === '') return undefined
  const contract = await import('#proto/contract/docker.ts')
  return contract.Containers.safeParse(parsed(json)).data
}

async function reality({ containers }: RealityRequest, { hostKey }: LaneSettings): Promise<string> {
  endAfter(AROUND_S)
  const { readReality } = await import('../reality/reality.ts')
  return JSON.stringify(
    await readReality({ root: '/', runner, clock: Date, hostKey, engine: await engineIn(containers) }),
  )
}

async function diagnosis({ json, containers }: DiagnoseRequest, { hostKey }: LaneSettings): Promise<Answer> {
  endAfter(AROUND_S)
  const [{ DiagnosisQuestion }, { diagnoseHost }] = await Promise.all([
    import('#proto/contract/diagnosis.ts'),
    import('../diagnosis/diagnose-host.ts'),
  ])
  const question = DiagnosisQuestion.safeParse(parsed(json))
  if (!question.success) return { refusal: { code: 'VALIDATION_ERROR', details: { field: 'problem' } } }
  const answer = await diagnoseHost({
    question: question.data,
    root: '/',
    runner,
    clock: Date,
    hostKey,
    engine: await engineIn(containers),
  })
  return { outcome: { json: JSON.stringify(answer) } }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** Loaded when it is asked for: a verb does without. */
async function installation(): Promise<Health> {
  const [{ surveyInstallation }, { createOutside }, { layoutUnder }, { asTold }] = await Promise.all([
    import('../installation/survey.ts'),
    import('../installation/outside.ts'),
    import('../installation/layout.ts'),
    import('../installation/as-told.ts'),
  ])
  const survey = await surveyInstallation({ layout: layoutUnder('/'), now: Date.now, outside: createOutside() })
  const { drifts, unseen: _unseen, ...health } = survey
  return { ...health, drifts: drifts.map(asTold) }
}

const attacked = ({ targets }: AttackRequest, containment: Containment, policy: Policy): Promise<string> => {
  const argv = [...WITHOUT_CAPABILITIES, process.execPath, ...attackOn(targets)]
  return runAttack(containment.program(argv, 0, policy), targets.token)
}
