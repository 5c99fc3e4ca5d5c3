import { CatalogueError } from '#proto/contract/errors.ts'
import type { ServerView } from '../../fleet/fleet.ts'
import type { ToolContext } from '../context.ts'

const NEXT =
  'Its agent is connected. mttrly_repair_install mends it; with the strategy uninstall it takes the agent away, and then the server is offline.'

/** The server, which must be offline: what is done to it here would cut off or orphan a living agent. */
export async function offlineServer(serverId: string, { fleet, workspace }: ToolContext): Promise<ServerView> {
  const server = await fleet.get(workspace.id, serverId)
  if (!server) throw new CatalogueError('SERVER_NOT_FOUND')
  if (server.online) throw new CatalogueError('SERVER_ONLINE', { server_id: serverId, why: NEXT })
  return server
}
