// An action in words for people: never "approved" as if it had run, never "failed" where nobody knows. Pure.
import type { Action, ActionState } from '../domain/action.ts'
import type { Tone } from './format.ts'

type Words = { label: string; tone: Tone; sentence: string }

const STATES: Record<ActionState, Words> = {
  pending_approval: {
    label: 'Waiting for a decision',
    tone: 'warn',
    sentence: 'Nothing has run. A person must decide.',
  },
  approved: { label: 'Approved, not started', tone: 'busy', sentence: 'It has been approved and has not started yet.' },
  running: { label: 'Running', tone: 'busy', sentence: 'It is running on the server now.' },
  succeeded: { label: 'Succeeded', tone: 'good', sentence: 'It ran once and ended well.' },
  failed: { label: 'Failed', tone: 'bad', sentence: 'It ended with an error.' },
  timed_out: { label: 'Timed out', tone: 'bad', sentence: 'It ran longer than allowed and was ended.' },
  unknown: {
    label: 'Outcome unknown',
    tone: 'warn',
    sentence:
      'It may have run, in whole or in part, and it will not run again. Look at the server before repeating it.',
  },
  rejected: { label: 'Rejected', tone: 'idle', sentence: 'It was rejected. Nothing has run.' },
  cancelled: { label: 'Cancelled', tone: 'idle', sentence: 'It was taken back before it started. Nothing has run.' },
  expired: { label: 'Expired', tone: 'idle', sentence: 'Nobody decided in time. Nothing has run.' },
  notification_failed: { label: 'Nobody was asked', tone: 'bad', sentence: 'Nobody could be asked. Nothing has run.' },
}

export function stateWords(action: Pick<Action, 'state' | 'started_at' | 'outcome'>): Words {
  const words = STATES[action.state]
  if (action.state === 'cancelled' && action.started_at !== null) {
    return { ...words, sentence: 'It was cancelled while it ran, and was ended.' }
  }
  if (action.state === 'expired' && action.outcome)
    return { ...words, sentence: 'It was not started in time. Nothing has run.' }
  if (action.state === 'failed' && action.started_at === null) {
    return { ...words, sentence: 'It could not be started. Nothing has run.' }
  }
  return words
}

/** States in which there may be output of a run. */
export const mayHaveRun = (state: ActionState): boolean =>
  ['running', 'succeeded', 'failed', 'timed_out', 'unknown', 'cancelled'].includes(state)
