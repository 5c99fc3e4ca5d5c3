// The door of the approver's command line tool (install/approver): what waits for a signature, word for word, and the
// signature that it brings. Who may decide is asked where every door asks, in approvals.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Approval, Run } from '#proto/contract/approval.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { type Action, runsOnHost } from '../domain/action.ts'
import { mayApprove, type Principal } from '../domain/principal.ts'
import type { ConsoleRooms, Server } from './rooms.ts'

type Rooms = Pick<ConsoleRooms, 'approvals' | 'fleet' | 'oauth'>
type OfAction = { id: string }

const MOST = 100

export function registerApproverDoor(app: FastifyInstance, rooms: Rooms): void {
  app.get('/approver/actions', async (request) => {
    const { workspaceId } = await approverOf(request, rooms)
    const [pending, servers] = await Promise.all([
      rooms.approvals.list(workspaceId, { state: ['pending_approval'], limit: MOST }),
      rooms.fleet.list(workspaceId),
    ])
    const signed = new Map(servers.flatMap((server) => (server.approvers ? [[server.id, server]] : [])))
    const waiting = pending.filter(({ spec, server_id }) => runsOnHost(spec) && signed.has(server_id))
    return { actions: waiting.map((action) => viewOf(action, signed.get(action.server_id))) }
  })

  app.get<{ Params: OfAction }>('/approver/actions/:id', async (request) => {
    const { workspaceId } = await approverOf(request, rooms)
    const action = await rooms.approvals.get(workspaceId, request.params.id)
    if (!runsOnHost(action.spec))
      throw new CatalogueError('VALIDATION_ERROR', { why: 'Central does this itself; decide it on the approval page.' })
    const server = await rooms.fleet.get(workspaceId, action.server_id)
    return { ...viewOf(action, server), run: Run.parse(action.spec) }
  })

  app.post<{ Params: OfAction }>('/approver/actions/:id', async (request) => {
    const by = await approverOf(request, rooms)
    const approval = Approval.safeParse(request.body).data
    if (!approval) throw new CatalogueError('VALIDATION_ERROR', { why: 'That is no approval.' })
    const { id, digest } = await rooms.approvals.get(by.workspaceId, request.params.id)
    // What was shown is in the statement itself, and is compared with what is stored.
    const asked = { by, actionId: id, digest, decision: 'approve', proof: 'signature', approval } as const
    const { state } = await rooms.approvals.decide(asked)
    return { action_id: id, status: state }
  })
}

/** Whoever may not decide need not see the bytes. */
async function approverOf({ headers }: FastifyRequest, { oauth }: Rooms): Promise<Principal> {
  const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1]
  const found = token === undefined ? { refused: 'AUTH_FAILED' as const } : await oauth.verifyBearer(token)
  if ('refused' in found) throw new CatalogueError('AUTH_FAILED', { why: 'Bring an API key of an approver.' })
  if (!mayApprove(found.role))
    throw new CatalogueError('FORBIDDEN', { why: `The role "${found.role}" cannot decide actions.` })
  if (!found.scopes.includes('execute'))
    throw new CatalogueError('FORBIDDEN', {
      why: 'This API key lacks the scope execute. Make one that has it; `npm run approver -- login` takes it.',
    })
  return found
}

/** Text of whoever asked is handed on as it is: the tool shows it escaped. */
const viewOf = (action: Action, server: Server | undefined) => ({
  action_id: action.id,
  server_id: action.server_id,
  server_name: server?.name ?? '',
  status: action.state,
  title: action.words.title,
  effect: action.words.effect,
  reason: action.words.reason,
  asked_by: action.requester.email,
  client: action.requester.client_name,
  expires_at: action.expires_at,
})
