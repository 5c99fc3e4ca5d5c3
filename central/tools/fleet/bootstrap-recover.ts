import { z } from 'zod'
import { plainText } from '../../domain/text.ts'
import { ActionView } from '../action-view.ts'
import { defineTool } from '../define.ts'
import { knownServer } from './installation.ts'

export const bootstrapRecover = defineTool({
  id: 'mttrly_bootstrap_recover',
  title: 'Bootstrap Recover',
  description:
    'Generate the one-liner that mends the agent of a server, pasted on its host: when it is offline, or its lanes do not work. Needs approval. The host stays who it is where that still works; for a reinstalled or stolen host use mttrly_regenerate_install_token.',
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  input: z.object({
    server_id: z.string().max(100).describe('From mttrly_list_servers'),
    reason: z.string().max(1000).default(''),
  }),
  output: ActionView,
  subject: ({ server_id }) => ({ server_id, resource: 'recovery' }),
  effect: () => ({ kind: 'change', why: 'It makes a token with which a host becomes this server.', programs: [] }),
  request: async ({ server_id, reason }, ctx) => {
    const server = await knownServer(server_id, ctx)
    return {
      spec: { kind: 'bootstrap_recover', server_id },
      words: {
        title: `Make a recovery command for ${plainText(server.name)}`,
        effect:
          'Whoever runs the command on a host within one hour can make that host this server. On the host itself it mends the installation and uses the token only if its identity no longer works. The present certificate holds until then; mttrly_regenerate_install_token would revoke it at once.',
        undo: 'The command ends unused after one hour, or when another one is made.',
        reason,
      },
    }
  },
})
