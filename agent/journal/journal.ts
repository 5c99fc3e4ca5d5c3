// What was accepted here and how it ended: the memory that makes a granted request happen at most once. It may import
// only the contract; app.ts gives it the work. Every step is on disk before the next is taken (durable-file.ts):
// accepted → (the lane runs it) → outcome → reported → acknowledged → gone.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { CatalogueError, type ErrorCode } from '#proto/contract/errors.ts'
import { createOnce, makePrivateDirectory, readIfThere, removeFile } from '../files/durable-file.ts'

export type JournalRequest = { id: string; method: string; body: Buffer; startBefore: number }
export type JournalAnswer =
  | { kind: 'body'; body: Buffer }
  | { kind: 'failure'; code: ErrorCode; details: Record<string, unknown> }

/** The granted methods, by name, over encoded messages. `Ctx` is the link's; the journal only hands it on. */
export type GrantedWork<Ctx> = {
  identity(method: string, body: Buffer): string
  run(method: string, body: Buffer, ctx: Ctx & { onTaken(): void }): Promise<JournalAnswer>
  settle(method: string, body: Buffer, ctx: Ctx): Promise<JournalAnswer>
  forget(method: string, bodies: Buffer[]): Promise<void>
}

/** The steps at which a crash means something else. Tests stop the process there. */
export type JournalStep = 'accepted' | 'ended' | 'outcome-written' | 'acknowledged' | 'forgotten'

type Accepted = { method: string; body: string; startBefore: number }
type Entry = { accepted: Accepted | undefined; acknowledged: boolean }

/** Each costs a lane process, and may wait as long as what it settles runs. */
const SETTLED_AT_ONCE = 4
const ID = /^[A-Za-z0-9_-]{1,128}$/
const KINDS = ['accepted', 'outcome', 'acknowledged'] as const
type Kind = (typeof KINDS)[number]

const failure = (code: ErrorCode, details: Record<string, unknown>): JournalAnswer => ({
  kind: 'failure',
  code,
  details,
})

function readAnswer(bytes: Buffer | undefined): JournalAnswer | undefined {
  if (!bytes) return undefined
  const stored = JSON.parse(bytes.toString('utf8'))
  if (stored.kind !== 'body' && stored.kind !== 'failure') throw new SyntaxError('it is no answer')
  return stored.kind === 'body' ? { kind: 'body', body: Buffer.from(stored.body, 'base64') } : stored
}

const writtenAnswer = (answer: JournalAnswer): string =>
  JSON.stringify(answer.kind === 'body' ? { kind: 'body', body: answer.body.toString('base64') } : answer)

export type Journal<Ctx> = ReturnType<typeof createJournal<Ctx>>

export function createJournal<Ctx>(options: {
  directory: string
  clock: { now(): number }
  work: GrantedWork<Ctx>
  /** Outcomes that may wait for an acknowledgement; past it new requests are refused, and nothing is dropped. */
  most: number
  /** A context for work that nobody waits for. */
  alone: Ctx
  step?: (step: JournalStep) => void
}) {
  const { directory, clock, work, alone, step = () => {} } = options
  makePrivateDirectory(directory)
  const entries = load(directory)
  /** Requests that this process has started: resolves once the nonce is spent or nothing more can come of it. */
  const starting = new Map<string, Promise<void>>()
  /** Said once or a thousand times, it costs one lane. */
  const forgetting = new Set<string>()
  const file = (id: string, kind: Kind): string => join(directory, `${id}.${kind}`)
  const bodyOf = (accepted: Accepted): Buffer => Buffer.from(accepted.body, 'base64')
  /** A damaged outcome is as none: who did the work knows it too, and is asked again. */
  const stored = (id: string): JournalAnswer | undefined => {
    try {
      return readAnswer(readIfThere(file(id, 'outcome')))
    } catch {
      removeFile(file(id, 'outcome'))
      return undefined
    }
  }

  const conclude = (id: string, answer: JournalAnswer): JournalAnswer => {
    step('ended')
    try {
      if (!createOnce(file(id, 'outcome'), writtenAnswer(answer))) return stored(id) ?? answer
    } catch {
      return answer // a full disk: what is known is reported, and the lane's own record settles a repeated request
    }
    step('outcome-written')
    return answer
  }

  const begin = async (request: JournalRequest, ctx: Ctx): Promise<JournalAnswer> => {
    if (clock.now() > request.startBefore) return failure('TIMEOUT', { reason: 'start_before', started: false })
    if (entries.size >= options.most) return failure('RATE_LIMITED', { reason: 'journal_full' })
    const { id, method, body, startBefore } = request
    const accepted: Accepted = { method, body: body.toString('base64'), startBefore }
    if (!createOnce(file(id, 'accepted'), JSON.stringify(accepted)))
      return failure('INTERNAL_ERROR', { reason: 'journal' })
    entries.set(id, { accepted, acknowledged: false })
    step('accepted')
    let onTaken = (): void => {}
    starting.set(
      id,
      new Promise((resolve) => {
        onTaken = resolve
      }),
    )
    try {
      return conclude(id, await refusalAsAnswer(work.run(method, body, { ...ctx, onTaken })))
    } finally {
      onTaken()
      starting.delete(id)
    }
  }

  const again = async (request: JournalRequest, accepted: Accepted, ctx: Ctx): Promise<JournalAnswer> => {
    if (work.identity(request.method, request.body) !== work.identity(accepted.method, bodyOf(accepted)))
      return failure('VALIDATION_ERROR', { field: 'request_id', reason: 'used_for_another_grant' })
    await starting.get(request.id)
    const before = stored(request.id)
    if (before?.kind === 'failure') return before
    // Also when the outcome is known: the output that Central has not seen yet comes with it.
    const settled = await work.settle(request.method, request.body, ctx)
    return stored(request.id) ?? conclude(request.id, settled)
  }

  /** One by one where not all can be read: what cannot be has left nothing behind. */
  const forgetWork = async (method: string, bodies: Buffer[]): Promise<void> => {
    try {
      await work.forget(method, bodies)
    } catch (error) {
      if (!(error instanceof CatalogueError)) throw error
      if (bodies.length > 1) for (const body of bodies) await forgetWork(method, [body])
    }
  }

  const forget = async (ids: string[]): Promise<void> => {
    const known = ids.flatMap((id) => entries.get(id)?.accepted ?? [])
    for (const method of new Set(known.map(({ method }) => method)))
      await forgetWork(method, known.filter((accepted) => accepted.method === method).map(bodyOf))
    step('forgotten')
    for (const id of ids) {
      for (const kind of ['outcome', 'accepted', 'acknowledged'] as const) removeFile(file(id, kind))
      entries.delete(id)
    }
  }

  return {
    /** Runs a granted request, or says how it ended before. Never runs one twice. */
    async perform(request: JournalRequest, ctx: Ctx): Promise<JournalAnswer> {
      if (!ID.test(request.id)) return failure('VALIDATION_ERROR', { field: 'request_id' })
      const entry = entries.get(request.id)
      if (!entry) return begin(request, ctx)
      if (!entry.accepted) return failure('INTERNAL_ERROR', { reason: 'journal_damaged' })
      return again(request, entry.accepted, ctx)
    },

    /** After a start: finds out about everything that was accepted and has no outcome, then forgets what was acknowledged. */
    async recover(): Promise<void> {
      const acknowledged = [...entries].filter(([, entry]) => entry.acknowledged).map(([id]) => id)
      if (acknowledged.length > 0) await forget(acknowledged)
      const open = [...entries].filter(([id]) => !starting.has(id) && !stored(id))
      const settleNext = async (): Promise<void> => {
        for (let next = open.shift(); next; next = open.shift()) {
          const [id, { accepted }] = next
          if (!accepted) continue
          const settled = await refusalAsAnswer(work.settle(accepted.method, bodyOf(accepted), alone)).catch(
            () => undefined,
          )
          if (settled && entries.has(id)) conclude(id, settled) // else a repeated request will settle it
        }
      }
      await Promise.all(Array.from({ length: SETTLED_AT_ONCE }, settleNext))
    },

    /** Central has the outcome. One without an outcome cannot be acknowledged. */
    async acknowledge(id: string): Promise<void> {
      const entry = entries.get(id)
      if (!entry || forgetting.has(id) || (entry.accepted && !stored(id))) return
      forgetting.add(id)
      try {
        entry.acknowledged = true
        createOnce(file(id, 'acknowledged'), '')
        step('acknowledged')
        await forget([id])
      } finally {
        forgetting.delete(id)
      }
    },

    unacknowledged: (): string[] => [...entries].filter(([, { acknowledged }]) => !acknowledged).map(([id]) => id),
  }
}

async function refusalAsAnswer(answer: Promise<JournalAnswer>): Promise<JournalAnswer> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof CatalogueError)) throw error
    return failure(error.code, { ...error.details })
  }
}

/** What is on disk. Half-written files have another name (durable-file.ts) and go; a damaged record stays, and blocks its id. */
function load(directory: string): Map<string, Entry> {
  const names = readdirSync(directory)
  for (const name of names) if (name.endsWith('.partial')) rmSync(join(directory, name), { force: true })
  const ids = new Set(names.flatMap((name) => /^(.+)\.(?:accepted|acknowledged)$/.exec(name)?.[1] ?? []))
  return new Map(
    [...ids].map((id) => [
      id,
      { accepted: readAccepted(join(directory, `${id}.accepted`)), acknowledged: names.includes(`${id}.acknowledged`) },
    ]),
  )
}

function readAccepted(path: string): Accepted | undefined {
  try {
    const { method, body, startBefore } = JSON.parse(readIfThere(path)?.toString('utf8') ?? '')
    return typeof method === 'string' && typeof body === 'string' ? { method, body, startBefore } : undefined
  } catch {
    return undefined
  }
}
