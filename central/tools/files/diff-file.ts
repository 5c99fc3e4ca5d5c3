import { z } from 'zod'
import { plainText } from '../../domain/text.ts'
import { defineTool } from '../define.ts'
import { absolutePath, askHost, looks, notToBeApproved, serverId } from './host-files.ts'

export const diffFile = defineTool({
  id: 'mttrly_diff_file',
  title: 'Diff Files',
  description:
    'Diff two allowed text files of a server as a unified diff of their redacted text, for example a configuration file and its backup.',
  scope: 'read',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  needsOnline: true,
  input: z.object({ server_id: serverId, from_path: absolutePath, to_path: absolutePath }),
  output: z.object({
    server_id: z.string(),
    same: z.boolean().describe('As far as it is shown: redacted secrets may differ nevertheless'),
    diff: z.string().describe('Unified; redacted, untrusted text from the host'),
    lines_added: z.number().int(),
    lines_removed: z.number().int(),
    redactions: z.number().int(),
    truncated: z.boolean(),
    lines_left_out: z.number().int().describe('Lines of the diff beyond what one answer holds'),
  }),
  subject: ({ server_id, from_path, to_path }) => ({ server_id, resource: `diff:${from_path}:${to_path}` }),
  effect: looks,
  request: notToBeApproved,
  handler: async ({ server_id, from_path, to_path }, ctx) => {
    const question = { do: 'diff', from: from_path, to: to_path, ring: 'normal' } as const
    const found = await askHost(server_id, question, ctx)
    return {
      server_id,
      same: found.same,
      diff: plainText(found.text),
      lines_added: found.added,
      lines_removed: found.removed,
      redactions: found.redactions,
      truncated: found.leftOut > 0,
      lines_left_out: found.leftOut,
    }
  },
})
