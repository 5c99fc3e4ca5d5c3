// The workspace's policy. It narrows what tools may do; the host's own policy can narrow further, never be widened.
import { z } from 'zod'

export const Policy = z.strictObject({
  read_only: z.boolean().default(false).describe('Refuse every change on every server of this workspace.'),
  two_person: z.boolean().default(false).describe('An action must be approved by somebody else than who asked for it.'),
  denied_programs: z
    .array(z.string().min(1).max(100))
    .max(200)
    .default([])
    .describe('Programs that are refused wherever they appear in a command, for example "mkfs".'),
})
export type Policy = z.infer<typeof Policy>

export const DEFAULT_POLICY: Policy = Policy.parse({})
