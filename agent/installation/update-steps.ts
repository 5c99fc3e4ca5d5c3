// An update as a machine: what each step does, and which step follows. Each result is on disk before the next step begins,
// so that whoever finds it after a power cut knows what was under way. The host comes in as functions.
import { type GateLimits, judge, look, type Observation, startWatch, type Watch } from './gate.ts'
import { type LiveStep, STEPS, type UpdateRecord } from './update-record.ts'

export type UpdateHost = {
  /** Of this start of the machine. */
  start: string
  limits: GateLimits
  /** Durable when it returns. */
  save(record: UpdateRecord): void
  now(): number
  /** The release, verified, beside the version in use. */
  stage(record: UpdateRecord): Promise<{ ok: true } | { ok: false; detail: string }>
  /** Makes the host what that version says, and starts it. @returns why it could not */
  converge(version: string): Promise<string | undefined>
  /** The next look at the daemon; takes its time. */
  observe(): Promise<Observation>
  /** What is left of it goes: staging, versions that nobody needs, the start at the next boot. */
  cleanUp(record: UpdateRecord): Promise<void>
}

/** A version that takes the machine down is found again and again. */
const FOUND_AT_MOST = 3

type Next = Pick<UpdateRecord, 'step'> & Partial<Pick<UpdateRecord, 'why'>>
type StepAction = (record: UpdateRecord, host: UpdateHost) => Promise<Next>

const ACTIONS: { [S in LiveStep]: StepAction } = {
  requested: async () => ({ step: 'staging' }),
  async staging(record, host) {
    const staged = await host.stage(record)
    return staged.ok ? { step: 'staged' } : { step: 'abandoned', why: staged.detail }
  },
  staged: async () => ({ step: 'switching' }),
  async switching({ to }, host) {
    const why = await host.converge(to)
    return why === undefined ? { step: 'trying' } : { step: 'rolling_back', why }
  },
  async trying(record, host) {
    const why = await watch(record, host, startWatch(record.to, 0, 0), (verdict) => verdict === 'good')
    return why === undefined ? { step: 'watching' } : { step: 'rolling_back', why }
  },
  async watching(record, host) {
    const { at, restarts } = await host.observe()
    const over = (_verdict: unknown, seen: Watch): boolean => seen.at - at >= host.limits.probationMs
    const why = await watch(record, host, startWatch(record.to, at, restarts), over)
    return why === undefined ? { step: 'done' } : { step: 'rolling_back', why }
  },
  async rolling_back({ from }, host) {
    const why = await host.converge(from)
    if (why !== undefined) throw new Error(`${from} could not be put back: ${why}`) // systemd starts us again
    return { step: 'rolled_back' }
  },
}

/** @returns why it must go back; undefined when it is over well */
async function watch(
  record: UpdateRecord,
  host: UpdateHost,
  begin: Watch,
  isOver: (verdict: ReturnType<typeof judge>, seen: Watch) => boolean,
): Promise<string | undefined> {
  let told = false
  for (
    let seen = look(begin, await host.observe(), host.limits);
    ;
    seen = look(seen, await host.observe(), host.limits)
  ) {
    const verdict = judge(seen, host.limits)
    if (typeof verdict === 'object') return verdict.back
    if (isOver(verdict, seen)) return undefined
    const away = seen.upSince === undefined && seen.central === 'silent'
    if (away !== told) host.save({ ...record, ...(away ? { centralAway: true } : {}) })
    told = away
  }
}

/** What follows from a record that was found on disk. */
function found(record: UpdateRecord, start: string): UpdateRecord {
  const again = { ...record, found: record.found + 1 }
  if (record.step === 'requested' && record.start === start) return record
  const why = 'it was interrupted before the switch'
  if (record.step === 'requested' || STEPS[record.step].found === 'abandon') return { ...again, step: 'abandoned', why }
  if (again.found > FOUND_AT_MOST && ['switching', 'trying', 'watching'].includes(record.step))
    return { ...again, step: 'rolling_back', why: `it was interrupted ${again.found} times` }
  return again
}

/** Carries an update to its end, from wherever it stands. @returns the last record */
export async function runUpdate(begun: UpdateRecord, host: UpdateHost): Promise<UpdateRecord> {
  const move = (record: UpdateRecord): UpdateRecord => {
    const moved = { ...record, changedAt: host.now() }
    host.save(moved)
    return moved
  }
  let record = begun
  if (isLive(record.step)) record = move(found(record, host.start))
  for (let step = record.step; isLive(step); step = record.step)
    record = move({ ...record, ...(await ACTIONS[step](record, host)) })
  await host.cleanUp(record)
  return record
}

const isLive = (step: UpdateRecord['step']): step is LiveStep => Object.hasOwn(ACTIONS, step)
