import { z } from 'zod'
import { plainText } from '../../domain/text.ts'
import { ActionView } from '../action-view.ts'
import { defineTool } from '../define.ts'
import { offlineServer } from './offline-server.ts'

export const decommissionServer = defineTool({
  id: 'mttrly_decommission_server',
  title: 'Delete Offline Server',
  description:
    "Remove an offline or dead server from Central's registry. Needs approval; does not touch files, users or systemd on the host.",
  scope: 'execute',
  plan: 'watchdog',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  input: z.object({
    server_id: z.string().max(100).describe('From mttrly_list_servers'),
    reason: z.string().max(1000).default(''),
  }),
  output: ActionView,
  subject: ({ server_id }) => ({ server_id, resource: 'decommission' }),
  effect: () => ({ kind: 'change', why: 'It removes a server and revokes its certificate.', programs: [] }),
  request: async ({ server_id, reason }, ctx) => {
    const server = await offlineServer(server_id, ctx)
    return {
      spec: { kind: 'decommission_server', server_id },
      words: {
        title: `Delete the offline server ${plainText(server.name)} from the registry`,
        effect: 'Its certificate is revoked and its record leaves the list. Nothing on the host changes.',
        undo: 'Cannot be undone; the host can be enrolled again as a new server.',
        reason,
      },
    }
  },
})
