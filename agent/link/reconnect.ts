// When to be connected: the states of the link as data, and how long to wait between two attempts.

export type LinkState = 'idle' | 'connecting' | 'up' | 'waiting' | 'stopped'
export type LinkEvent = 'start' | 'welcomed' | 'lost' | 'renewed' | 'due' | 'stop'

const NEXT: Record<LinkState, Partial<Record<LinkEvent, LinkState>>> = {
  idle: { start: 'connecting', stop: 'stopped' },
  connecting: { welcomed: 'up', lost: 'waiting', stop: 'stopped' },
  up: { lost: 'waiting', renewed: 'connecting', stop: 'stopped' },
  waiting: { due: 'connecting', stop: 'stopped' },
  stopped: { stop: 'stopped' },
}

/** @throws Error for an event that cannot happen in that state */
export function nextState(state: LinkState, event: LinkEvent): LinkState {
  const next = NEXT[state][event]
  if (!next) throw new Error(`the link cannot be ${event} while ${state}`)
  return next
}

const BASE_MS = 1_000
const CAP_MS = 60_000
/** Where trying alone will not help: often enough to notice that a clock has been set, no burden for Central. */
export const HOPELESS_CAP_MS = 15 * 60_000
/** A stream that lived this long was a success: the next wait starts from the beginning. */
const STABLE_MS = 60_000

/** Full jitter, as AWS's architecture blog names it: a random time up to a bound that doubles, so that a fleet spreads out. */
export const waitBefore = (attempt: number, random: () => number, cap = CAP_MS): number =>
  Math.round(random() * Math.min(cap, BASE_MS * 2 ** Math.min(attempt, 10)))

export const attemptsAfter = (attempts: number, upFor: number): number => (upFor >= STABLE_MS ? 0 : attempts + 1)
