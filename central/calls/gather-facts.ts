import { type Effect, type Facts, LOOKING_LANES, type LookingLane } from '../domain/decide.ts'
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
  return server ? { online: server.online, contained: containedLanes(server) } : null
}

/** The capability version from which agents have the lane. */
const SINCE: Record<LookingLane, number> = { read: 1, inspect: 2, docker: 4 }

const containedLanes = ({ lanes, capabilityVersion }: ServerView): LookingLane[] =>
  LOOKING_LANES.filter(
    (lane) =>
      capabilityVersion >= SINCE[lane] && lanes.some(({ name, isolation }) => name === lane && isolation !== 'none'),
  )
