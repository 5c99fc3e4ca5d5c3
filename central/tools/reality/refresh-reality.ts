import { defineTool } from '../define.ts'
import { looks, notToBeApproved, serverWithReality } from './get-service-reality.ts'
import { RealityInput, RealityOutput, realityView } from './view.ts'

export const refreshReality = defineTool({
  id: 'mttrly_refresh_reality',
  title: 'Refresh Reality',
  description:
    'Look anew at what runs on a server and wait for it, for example after a change; says what differs from the snapshot before. At most once in 60 seconds a server.',
  scope: 'read',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  needsOnline: true,
  input: RealityInput,
  output: RealityOutput,
  subject: ({ server_id }) => ({ server_id, resource: 'reality' }),
  effect: looks,
  request: notToBeApproved,
  handler: async (input, ctx) => {
    const server = await serverWithReality(input.server_id, ctx)
    return realityView(server, await ctx.reality.refresh(server.id), input, ctx)
  },
})
