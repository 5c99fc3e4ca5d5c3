/** The time, passed in so that tests own it. Unix ms. */
export type Clock = { now(): number }

export const systemClock: Clock = { now: () => Date.now() }
