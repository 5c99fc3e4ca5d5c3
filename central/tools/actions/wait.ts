import { z } from 'zod'

/** How long a tool may wait for a person or a run, in seconds: below what every client allows a call. */
export const WAIT = z.number().int().min(0).max(40)
