// Audit lines about people that do not come from a page of theirs. Identity knows no audit log; it is given this.
import { actorOf, SYSTEM } from './approvals/approvals.ts'
import type { Audit } from './audit/audit.ts'
import type { AuditEvent, AuditEventName } from './domain/audit.ts'
import { createId } from './domain/ids.ts'
import type { Source } from './domain/principal.ts'
import type { Account, PeopleLog } from './identity/identity.ts'
import type { UsersStore } from './storage/users.ts'
import type { WorkspacesStore } from './storage/workspaces.ts'

type Said = { resource: string; outcome?: string; details?: Record<string, unknown> }
type Who = { id: string; email: string; workspaceId: string }

const lineOf = (event: AuditEventName, who: Who, source: Source): AuditEvent => {
  const credential = who.id === '' ? 'system' : 'session'
  return {
    event,
    workspace_id: who.workspaceId,
    call_id: createId('request'),
    actor: { ...actorOf(SYSTEM), credential, user_id: who.id, email: who.email, source },
  }
}

export type People = ReturnType<typeof createPeopleLog>

export function createPeopleLog(rooms: {
  audit: Pick<Audit, 'append'>
  stores: { users: UsersStore; workspaces: WorkspacesStore }
}) {
  const { audit, stores } = rooms

  const write = (event: AuditEventName, who: Who, said: Said, source: Source = 'dashboard'): Promise<void> =>
    audit.append({ ...lineOf(event, who, source), ...said })

  async function find(userId: string): Promise<Who | undefined> {
    const [user, membership] = await Promise.all([stores.users.get(userId), stores.users.membership(userId)])
    return user && membership && { id: user.id, email: user.email, workspaceId: membership.workspaceId }
  }

  /** Names that nobody has belong to no workspace: the first one is told. */
  async function nobody(): Promise<Who | undefined> {
    const [first] = await stores.workspaces.list()
    return first && { id: '', email: '', workspaceId: first.id }
  }

  const on: PeopleLog = {
    async signedIn({ userId, amr, address }) {
      const who = await find(userId)
      if (who) await write('account.signed_in', who, { resource: 'session', outcome: 'ok', details: { amr, address } })
    },
    creating: (account: Account) =>
      write('account.changed', account, { resource: 'created', details: { role: account.role } }),
    joining: (account, { id, invitedBy }) =>
      write('account.changed', account, {
        resource: 'joined',
        details: { role: account.role, invitation_id: id, invited_by: invitedBy?.userId ?? 'command line' },
      }),
    async failures({ userId, attempts, address }) {
      const who = userId === undefined ? await nobody() : await find(userId)
      const said = { resource: 'session', outcome: 'error:AUTH_FAILED', details: { attempts, address } }
      if (who) await write('account.signed_in', who, said)
    },
  }
  /** `createdBy` is a person, or the name of a program of Central's own. */
  async function tokenCreated(owner: { workspaceId: string; createdBy: string; serverId?: string }): Promise<void> {
    const { workspaceId, createdBy, serverId } = owner
    const who = (await find(createdBy)) ?? { id: '', email: '', workspaceId }
    await audit.append({
      ...lineOf('server.token_created', { ...who, workspaceId }, who.id === '' ? 'system' : 'dashboard'),
      ...(serverId !== undefined && { server_id: serverId }),
      resource: 'install token',
      details: { created_by: createdBy },
    })
  }

  return { write, tokenCreated, on }
}
