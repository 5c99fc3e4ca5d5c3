// Identity on a database in memory, with a clock that tests move.
import { pino } from 'pino'
import { createLocalBus } from '../../../central/bus/bus.ts'
import { createIdentity, type PeopleLog, QUIET } from '../../../central/identity/identity.ts'
import { createApiKeysStore } from '../../../central/storage/api-keys.ts'
import { createAttemptsStore } from '../../../central/storage/attempts.ts'
import { type Database, openDatabase } from '../../../central/storage/database.ts'
import { createInvitationsStore } from '../../../central/storage/invitations.ts'
import { createOneTimeStore } from '../../../central/storage/one-time.ts'
import { createSecondFactorsStore } from '../../../central/storage/second-factors.ts'
import { createSessionsStore } from '../../../central/storage/sessions.ts'
import { createUsersStore } from '../../../central/storage/users.ts'
import { createWorkspacesStore } from '../../../central/storage/workspaces.ts'

export const PASSWORD = 'four unrelated words here'
export const OWNER = 'owner@example.com'

/** Real time plus what tests add: libraries that look at the real clock stay in step with the start. */
export function createTestClock() {
  let ahead = 0
  return {
    now: () => Date.now() + ahead,
    advance: (ms: number) => {
      ahead += ms
    },
  }
}

export type People = Awaited<ReturnType<typeof createPeople>>

export async function createPeople(options: { publicUrl?: string; db?: Database; on?: Partial<PeopleLog> } = {}) {
  const clock = createTestClock()
  const bus = createLocalBus()
  const db = options.db ?? (await openDatabase({ url: 'sqlite::memory:', clock }))
  const publicUrl = options.publicUrl ?? 'http://localhost:4000'
  const workspaces = createWorkspacesStore(db)
  const logged: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(line) })
  let workspaceId: string | undefined

  const firstWorkspace = async (): Promise<string> => {
    if (!workspaceId) {
      const fresh = { name: 'test', plan: 'deployment_crew' as const, overrides: {}, createdAt: clock.now() }
      workspaceId = (
        await workspaces.create({ ...fresh, policy: { read_only: false, two_person: false, denied_programs: [] } })
      ).id
    }
    return workspaceId
  }

  const identity = createIdentity({
    store: {
      users: createUsersStore(db),
      invitations: createInvitationsStore(db),
      secondFactors: createSecondFactorsStore(db),
      sessions: createSessionsStore(db),
      oneTime: createOneTimeStore(db),
      attempts: createAttemptsStore(db),
      apiKeys: createApiKeysStore(db),
    },
    bus,
    clock,
    log,
    publicUrl,
    dataKey: Buffer.alloc(32, 7),
    firstWorkspace,
    ...(options.on && { on: { ...QUIET, ...options.on } }),
  })
  return { identity, clock, bus, db, log, logged, publicUrl, firstWorkspace, close: () => db.close() }
}

export async function createOwner({ identity }: People, options: { totp?: boolean } = {}) {
  const account = await identity.accounts.createOwner({ email: OWNER, password: PASSWORD, totp: options.totp ?? false })
  if ('refused' in account) throw new Error(account.why)
  return account
}

/** So that the first one may go. */
export async function createSecondOwner({ identity, firstWorkspace }: Pick<People, 'identity' | 'firstWorkspace'>) {
  const wish = { email: 'second.owner@example.com', password: PASSWORD, role: 'owner' as const }
  const account = await identity.accounts.createUser({ ...wish, workspaceId: await firstWorkspace() })
  if ('refused' in account) throw new Error(account.why)
  return account
}

/** A request as identity sees one: its cookies. */
export const requestWith = (...setCookies: string[]) => ({
  headers: { cookie: setCookies.map((cookie) => cookie.split(';')[0]).join('; '), 'user-agent': 'test' },
})
