import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { CONTENT_MAX } from '#proto/contract/files.ts'
import { sha256 } from '#proto/contract/grant.ts'
import { ActionView } from '../action-view.ts'
import { defineTool } from '../define.ts'
import { specOf, wordsOf } from './file-change.ts'
import { absolutePath, askHost, serverId } from './host-files.ts'

export const writeFile = defineTool({
  id: 'mttrly_write_file',
  title: 'Write File',
  description:
    "Write a whole file on a server that the host's owner lets be managed. Always returns pending_approval; the person sees the change as a diff, and it is made only if the file is still as it was.",
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  needsOnline: true,
  input: z.object({
    server_id: serverId,
    path: absolutePath,
    content_base64: z
      .base64()
      .max(4 * Math.ceil(CONTENT_MAX / 3))
      .describe('The whole new content, at most 256 KiB'),
    reason: z.string().max(1000).default('').describe('Why; shown to the person who approves'),
  }),
  output: ActionView,
  subject: ({ server_id, path }) => ({ server_id, resource: `write:${path}` }),
  effect: () => ({ kind: 'change', why: 'It changes a file of the server, as root.', programs: ['mttrly-agent'] }),
  request: async ({ server_id, path, content_base64, reason }, ctx) => {
    const content = Buffer.from(content_base64, 'base64')
    // One spelling: what is signed is what the hash is of.
    const input = content.toString('base64')
    if (content.length > CONTENT_MAX) throw new CatalogueError('OUTPUT_TOO_LARGE', { limit: CONTENT_MAX })
    mustHoldItsSecrets(content)
    const plan = await askHost(server_id, { do: 'plan', path, content: input }, ctx)
    const args = ['write-file', plan.path, '--sha256', sha256(content), '--expect', plan.expected ?? 'none']
    return {
      spec: { ...specOf('write_file', server_id, plan, args), input },
      words: { ...wordsOf('Write', plan), reason },
    }
  },
})

/** What was read here came without its secrets: written back as it came, it would destroy them. */
function mustHoldItsSecrets(content: Buffer): void {
  const [marker] = /\[redacted:[a-z0-9-]+(?::[0-9a-f]{8})?\]/.exec(content.toString('latin1')) ?? []
  if (marker === undefined) return
  const why = `It holds ${marker}, which stands where a secret was taken out of what you read. Written to the file it would replace the secret itself.`
  const next =
    'Change the one line with a command instead (sed, or the program’s own tool), which waits for an approval too; or leave the edit to a person.'
  throw new CatalogueError('VALIDATION_ERROR', { field: 'content_base64', reason: 'redaction_marker', why, next })
}
