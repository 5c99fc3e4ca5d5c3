import { z } from 'zod'
import { plainText } from '../../domain/text.ts'
import { ActionView } from '../action-view.ts'
import { defineTool } from '../define.ts'
import { offlineServer } from './offline-server.ts'

export const regenerateInstallToken = defineTool({
  id: 'mttrly_regenerate_install_token',
  title: 'Regenerate Install Token',
  description:
    'Generate a new reinstall command for an offline server. Needs approval; rotates agent credentials at once, keeps history, does not clean the host. To mend a host that is still itself: mttrly_bootstrap_recover.',
  scope: 'execute',
  plan: 'watchdog',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  input: z.object({
    server_id: z.string().max(100).describe('From mttrly_list_servers'),
    reason: z.string().max(1000).default(''),
  }),
  output: ActionView,
  subject: ({ server_id }) => ({ server_id, resource: 'install_token' }),
  effect: () => ({ kind: 'change', why: "It replaces the credentials of a server's agent.", programs: [] }),
  request: async ({ server_id, reason }, ctx) => {
    const server = await offlineServer(server_id, ctx)
    return {
      spec: { kind: 'regenerate_install_token', server_id },
      words: {
        title: `Make a new reinstall command for ${plainText(server.name)}`,
        effect:
          'The current certificate is revoked at once. Whoever runs the new command on a host makes it this server.',
        undo: 'The new command ends unused after one hour; the old certificate stays revoked.',
        reason,
      },
    }
  },
})
