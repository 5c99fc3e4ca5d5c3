import type { Effect, Facts, ServerFacts } from '../domain/decide.ts'
import type { ServerView } from '../fleet/fleet.ts'
import type { Workspace } from '../plans/plans.ts'
import type { Subject, Tool } from '../tools/define.ts'
import type { CallRooms } from './call-rooms.ts'
import type { IncomingCall } from './run-call.ts'

/** Everything that decide() looks at. */
export async function gatherFacts(
  { call, tool, subject, effect }: { call: IncomingCall; tool: Tool; subject: Subject; effect: Effect },
  workspace: Workspace,
  rooms: CallRooms,
): Promise<Facts> {
  return {
    principal: call.principal,
    plan: workspace.plan,
    policy: workspace.policy,
    tool: { id: tool.id, plan: tool.plan, scope: tool.scope, needsOnline: tool.needsOnline ?? false },
    effect,
    server: await serverFacts(workspace.id, subject.server_id, rooms),
  }
}

async function serverFacts(
  workspaceId: string,
  serverId: string | undefined,
  rooms: CallRooms,
): Promise<Facts['server']> {
  if (serverId === undefined) return undefined
  const server = await rooms.toolRooms.fleet.get(workspaceId, serverId)
  return server ? { online: server.online, readLane: readLaneOf(server) } : null
}

function readLaneOf(server: ServerView): ServerFacts['readLane'] {
  const lane = server.lanes.find(({ name }) => name === 'read')
  if (!lane) return 'absent'
  return lane.isolation === 'none' ? 'uncontained' : 'contained'
}
