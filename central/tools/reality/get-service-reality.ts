import { CatalogueError } from '#proto/contract/errors.ts'
import type { Effect } from '../../domain/decide.ts'
import type { ServerView } from '../../fleet/fleet.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'
import { WHY_NO_INSPECT_LANE } from '../fleet/installation.ts'
import { RealityInput, RealityOutput, realityView } from './view.ts'

/** Agents from this capability on say what runs on their host. */
const SAYS_REALITY = 3

export const looks = (): Effect => ({ kind: 'read', lane: 'inspect', programs: [] })

/** A look is allowed or not; there is nothing in it that a person could approve. */
export function notToBeApproved(): never {
  const why = `This server has no inspect lane that was found to hold what runs in it, so that nobody can look there. ${WHY_NO_INSPECT_LANE}`
  throw new CatalogueError('POLICY_DENIED', { reason: 'no_isolation', why })
}

/** @throws CatalogueError SERVER_NOT_FOUND; AGENT_OUTDATED where its agent could not answer, and why */
export async function serverAsked(
  id: string,
  { fleet, workspace }: ToolContext,
  { from, why }: { from: number; why: string },
): Promise<ServerView> {
  const server = await fleet.get(workspace.id, id)
  if (!server) throw new CatalogueError('SERVER_NOT_FOUND', { server_id: id })
  if (!server.online || server.capabilityVersion >= from) return server
  throw new CatalogueError('AGENT_OUTDATED', { server_id: id, why })
}

export const serverWithReality = (id: string, ctx: ToolContext): Promise<ServerView> =>
  serverAsked(id, ctx, { from: SAYS_REALITY, why: 'The agent of this server does not say yet what runs on it.' })

export const getServiceReality = defineTool({
  id: 'mttrly_get_service_reality',
  title: 'Get Service Reality',
  description:
    'Find out what runs on a server and how it is: services, ports and their owners, runtimes, web sites, databases, certificates, timers, packages, recent changes. The latest snapshot; taken anew when older than 15 minutes.',
  scope: 'read',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: RealityInput,
  output: RealityOutput,
  subject: ({ server_id }) => ({ server_id, resource: 'reality' }),
  effect: looks,
  request: notToBeApproved,
  handler: async (input, ctx) => {
    const server = await serverWithReality(input.server_id, ctx)
    return realityView(server, await ctx.reality.get(server), input, ctx)
  },
})
