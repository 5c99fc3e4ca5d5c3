import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { ActionView } from '../action-view.ts'
import { defineTool } from '../define.ts'
import { specOf, wordsOf } from './file-change.ts'
import { absolutePath, askHost, serverId } from './host-files.ts'

export const cleanupFile = defineTool({
  id: 'mttrly_cleanup_file',
  title: 'Cleanup File',
  description:
    "Delete one file on a server that the host's owner lets be managed. Always returns pending_approval; it is deleted only if it is still as it was.",
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  needsOnline: true,
  input: z.object({
    server_id: serverId,
    path: absolutePath,
    reason: z.string().max(1000).default('').describe('Why; shown to the person who approves'),
  }),
  output: ActionView,
  subject: ({ server_id, path }) => ({ server_id, resource: `delete:${path}` }),
  effect: () => ({ kind: 'change', why: 'It deletes a file of the server, as root.', programs: ['mttrly-agent'] }),
  request: async ({ server_id, path, reason }, ctx) => {
    const plan = await askHost(server_id, { do: 'plan', path }, ctx)
    if (plan.expected === undefined) throw new CatalogueError('NOT_FOUND', { path })
    const args = ['delete-file', plan.path, '--expect', plan.expected, ...(plan.canUndo ? [] : ['--for-good'])]
    return { spec: specOf('cleanup_file', server_id, plan, args), words: { ...wordsOf('Delete', plan), reason } }
  },
})
