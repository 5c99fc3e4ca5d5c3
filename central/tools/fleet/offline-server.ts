import { CatalogueError } from '#proto/contract/errors.ts'
import type { ServerView } from '../../fleet/fleet.ts'
import type { ToolContext } from '../context.ts'

const NEXT =
  'Its agent is connected. mttrly_repair_install mends it; with the strategy uninstall it takes the agent away, and then the server is offline.'

/** For a server whose stream has just closed: how long until it counts as offline, if it does not come back. */
export function secondsUntilOffline({ offlineAt }: ServerView, now: number): number | undefined {
  return offlineAt === null ? undefined : Math.max(1, Math.ceil((offlineAt - now) / 1000))
}

export const JUST_CLOSED = 'The stream of its agent has just closed. It counts as offline if it is not back in time.'

/** The server, which must be offline: what is done to it here would cut off or orphan a living agent. */
export async function offlineServer(serverId: string, { fleet, workspace, clock }: ToolContext): Promise<ServerView> {
  const server = await fleet.get(workspace.id, serverId)
  if (!server) throw new CatalogueError('SERVER_NOT_FOUND')
  if (!server.online) return server
  const retry_after_s = secondsUntilOffline(server, clock.now())
  if (retry_after_s === undefined) throw new CatalogueError('SERVER_ONLINE', { server_id: serverId, why: NEXT })
  throw new CatalogueError('SERVER_ONLINE', { server_id: serverId, why: JUST_CLOSED, retry_after_s })
}
