// The part of Central that needs no network: records, keys, people, plans, the audit log. The server is built on it, and
// so is the administrator's command line.
import { createPrivateKey } from 'node:crypto'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { createAudit } from './audit/audit.ts'
import { createLocalBus } from './bus/bus.ts'
import { type Config, makeDataDir } from './config.ts'
import { type Clock, systemClock } from './domain/clock.ts'
import { DEFAULT_POLICY } from './domain/policy.ts'
import { loadKeys, loadOrCreatePrivateKey, loadOrCreateSecret } from './fleet/keys.ts'
import { createIdentity } from './identity/identity.ts'
import { createSigningKey } from './oauth/signing-key.ts'
import { createPeopleLog } from './people-log.ts'
import { createPlans } from './plans/plans.ts'
import { createActionsStore } from './storage/actions.ts'
import { createApiKeysStore } from './storage/api-keys.ts'
import { createAttemptsStore } from './storage/attempts.ts'
import { createAuditStore } from './storage/audit.ts'
import { type Database, openDatabase } from './storage/database.ts'
import { createFleetStore } from './storage/fleet.ts'
import { createInvitationsStore } from './storage/invitations.ts'
import { createMembersStore } from './storage/members.ts'
import { createOAuthStore } from './storage/oauth.ts'
import { createOneTimeStore } from './storage/one-time.ts'
import { createSecondFactorsStore } from './storage/second-factors.ts'
import { createSessionsStore } from './storage/sessions.ts'
import { createSnapshotsStore } from './storage/snapshots.ts'
import { createUsersStore } from './storage/users.ts'
import { createWorkspacesStore } from './storage/workspaces.ts'

export type Core = Awaited<ReturnType<typeof openCore>>

export async function openCore(
  config: Config,
  outside: { publicUrl: string; linkHost: string; clock?: Clock; log?: Logger },
) {
  const clock = outside.clock ?? systemClock
  const log = outside.log ?? pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }))
  makeDataDir(config.dataDir)
  const keysDir = join(config.dataDir, 'keys')
  const keys = await loadKeys(keysDir, { clock, link: linkNames(outside.linkHost) })
  const dataKey = loadOrCreateSecret(keysDir, 'data.key', 32)
  const signingKey = loadOrCreatePrivateKey(keysDir, 'token.key', () => createPrivateKey(createSigningKey()))
  const db = await openDatabase({ url: config.databaseUrl, clock, log })
  const stores = createStores(db)
  const bus = createLocalBus((error, topic) => log.error({ err: error, topic }, 'news not handled'))
  const plans = createPlans({ store: stores.workspaces, bus, clock })
  const audit = createAudit({ store: stores.audit, clock, checkpointKey: keys.actionKey })

  /** The workspace of a self-hosted Central: all tools, no limit on servers. */
  async function firstWorkspace(): Promise<string> {
    const first = await stores.workspaces.first(() => ({
      name: 'My servers',
      plan: 'deployment_crew',
      overrides: { servers: null },
      policy: DEFAULT_POLICY,
      createdAt: clock.now(),
    }))
    return first.id
  }

  const people = createPeopleLog({ audit, stores })
  const identity = createIdentity({
    store: stores,
    bus,
    clock,
    log,
    publicUrl: outside.publicUrl,
    dataKey,
    firstWorkspace,
    on: people.on,
  })
  const close = () => db.close()
  const { publicUrl } = outside
  return {
    publicUrl,
    clock,
    log,
    keys,
    dataKey,
    signingKey,
    stores,
    bus,
    plans,
    audit,
    identity,
    people,
    firstWorkspace,
    close,
  }
}

const createStores = (db: Database) => ({
  workspaces: createWorkspacesStore(db),
  members: createMembersStore(db),
  users: createUsersStore(db),
  invitations: createInvitationsStore(db),
  secondFactors: createSecondFactorsStore(db),
  sessions: createSessionsStore(db),
  oneTime: createOneTimeStore(db),
  attempts: createAttemptsStore(db),
  apiKeys: createApiKeysStore(db),
  oauth: createOAuthStore(db),
  fleet: createFleetStore(db),
  snapshots: createSnapshotsStore(db),
  actions: createActionsStore(db),
  audit: createAuditStore(db),
})

const ADDRESS = /^[\d.]+$|:/

/** The names under which agents reach the link: the host that they are told, and this machine itself. */
function linkNames(host: string) {
  const dns = new Set(['localhost'])
  const ip = new Set(['127.0.0.1', '::1'])
  if (ADDRESS.test(host)) ip.add(host)
  else dns.add(host)
  return { dns: [...dns], ip: [...ip] }
}
