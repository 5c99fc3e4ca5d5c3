// What the update under way has reached, or how the last one ended: one file, written whole and durably before each step.
// The updater writes it; whoever asks for an update follows it, and health reads it.
import { z } from 'zod'
import { replaceFile } from '../files/durable-file.ts'
import type { Layout } from './layout.ts'
import type { Look } from './look.ts'

type StepMeaning = {
  says: string
  /** What the updater does that finds the step on disk when it starts: after a power cut, or a fault of its own. */
  found: 'go on' | 'abandon' | 'ended'
}

/** In their order. Before the switch nothing has changed, and nothing is begun again that nobody waits for; after it, on. */
export const STEPS = {
  requested: { says: 'an update was asked for', found: 'go on' },
  staging: { says: 'the release is being fetched and verified', found: 'abandon' },
  staged: { says: 'the release is verified and in place beside the one in use', found: 'abandon' },
  switching: { says: 'the new version is being put to use', found: 'go on' },
  trying: { says: 'the new version runs and has to prove itself', found: 'go on' },
  watching: { says: 'the new version is connected; it is watched for a while', found: 'go on' },
  rolling_back: { says: 'the version before is being put back', found: 'go on' },
  done: { says: 'updated', found: 'ended' },
  rolled_back: { says: 'the version before is in use again', found: 'ended' },
  abandoned: { says: 'nothing was changed', found: 'ended' },
} as const satisfies Record<string, StepMeaning>

export type Step = keyof typeof STEPS
export type LiveStep = { [S in Step]: (typeof STEPS)[S]['found'] extends 'ended' ? never : S }[Step]

const version = z.string().regex(/^[0-9][0-9A-Za-z.-]{0,63}$/)
const UpdateRecord = z.object({
  step: z.enum(Object.keys(STEPS) as [Step, ...Step[]]),
  from: version,
  to: version,
  manifestSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** The start of the machine in which it was asked for: it is not begun in another one. */
  start: z.string(),
  /** How often the updater has found it unfinished. */
  found: z.number().int().nonnegative(),
  requestedAt: z.number(),
  changedAt: z.number(),
  /** Why it was abandoned or goes back. */
  why: z.string().optional(),
  /** Set while nothing can be said because Central does not answer. */
  centralAway: z.boolean().optional(),
})
export type UpdateRecord = z.infer<typeof UpdateRecord>

/** Undefined when there has been none, or when the file was damaged: it is never written in part. */
export function readUpdate(look: Pick<Look, 'text'>, { update }: Layout): UpdateRecord | undefined {
  try {
    return UpdateRecord.parse(JSON.parse(look.text(update) ?? ''))
  } catch {
    return undefined
  }
}

export const writeUpdate = ({ update }: Layout, record: UpdateRecord): void =>
  replaceFile(update, `${JSON.stringify(UpdateRecord.parse(record))}\n`)

export const isUnderWay = ({ step }: UpdateRecord): boolean => STEPS[step].found !== 'ended'
