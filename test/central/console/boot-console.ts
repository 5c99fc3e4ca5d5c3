// A console over real storage, approvals, audit, plans and identity; the fleet and run-call are the test's own.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { Secret, TOTP } from 'otpauth'
import { pino } from 'pino'
import { createApprovals } from '../../../central/approvals/approvals.ts'
import { createAudit } from '../../../central/audit/audit.ts'
import { createLocalBus } from '../../../central/bus/bus.ts'
import { createPolicyNow } from '../../../central/calls/policy-now.ts'
import { createReveal } from '../../../central/calls/reveal.ts'
import type { CallResult, IncomingCall } from '../../../central/calls/run-call.ts'
import { registerConsole } from '../../../central/console/console.ts'
import { oauthErrorPage } from '../../../central/console/pages/consent.ts'
import type { KeptReality } from '../../../central/console/pages/reality-card.ts'
import type { Alert, InstallToken, Sample, Server } from '../../../central/console/rooms.ts'
import type { ActionSpec } from '../../../central/domain/action.ts'
import type { Role } from '../../../central/domain/principal.ts'
import { type TrustReport, trustOf } from '../../../central/fleet/rotation.ts'
import { createHttp } from '../../../central/http/server.ts'
import { createIdentity } from '../../../central/identity/identity.ts'
import { createOAuth } from '../../../central/oauth/oauth.ts'
import { createPlans } from '../../../central/plans/plans.ts'
import { createActionsStore } from '../../../central/storage/actions.ts'
import { createApiKeysStore } from '../../../central/storage/api-keys.ts'
import { createAttemptsStore } from '../../../central/storage/attempts.ts'
import { createAuditStore } from '../../../central/storage/audit.ts'
import { openDatabase } from '../../../central/storage/database.ts'
import { createInvitationsStore } from '../../../central/storage/invitations.ts'
import { createMembersStore } from '../../../central/storage/members.ts'
import { createOAuthStore } from '../../../central/storage/oauth.ts'
import { createOneTimeStore } from '../../../central/storage/one-time.ts'
import { createSecondFactorsStore } from '../../../central/storage/second-factors.ts'
import { createSessionsStore } from '../../../central/storage/sessions.ts'
import { createUsersStore } from '../../../central/storage/users.ts'
import { createWorkspacesStore } from '../../../central/storage/workspaces.ts'
import { principal, stillClock } from '../../helpers/principals.ts'
import { seedWorkspace } from '../storage/seed.ts'

const HEARTBEAT: Sample = {
  at: 1,
  cpuPercent: 12,
  memoryTotal: 8_000_000_000,
  memoryAvailable: 3_600_000_000,
  load1: 0.42,
  cpus: 4,
  uptimeS: 912_345,
  disks: [{ mount: '/', total: 100_000_000_000, available: 14_000_000_000 }],
}

export const server = (changes: Partial<Server> = {}): Server => ({
  id: 'srv_1',
  name: 'web-1',
  online: true,
  lastSeenAt: 1_800_000_000_000,
  agentVersion: '0.1.0',
  lanes: [
    { name: 'read', isolation: 'bubblewrap' },
    { name: 'act', isolation: 'none' },
  ],
  approvers: null,
  docker: true,
  createdAt: 1_790_000_000_000,
  ...changes,
})

export type Fleet = {
  servers: Server[]
  alerts: Alert[]
  samples: Map<string, Sample>
  tokens: InstallToken[]
  tokensFrom: InstallToken['from']
  trust: TrustReport
  /** By server. */
  reality: Map<string, KeptReality>
}

export type Person = { id: string; cookie: string; csrf: string; code: () => string }

export async function bootConsole(options: { origin?: string; start?: number } = {}) {
  const clock = stillClock(options.start)
  const origin = options.origin ?? 'http://localhost:8080'
  const log = pino({ enabled: false })
  const db = await openDatabase({ url: 'sqlite::memory:', clock })
  await seedWorkspace(db)
  const bus = createLocalBus()
  const { privateKey } = generateKeyPairSync('ed25519')
  const audit = createAudit({ store: createAuditStore(db), clock, checkpointKey: privateKey })
  const plans = createPlans({ store: createWorkspacesStore(db), bus, clock })
  const actions = createActionsStore(db)
  const members = createMembersStore(db)
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
    publicUrl: origin,
    dataKey: randomBytes(32),
    firstWorkspace: async () => 'wsp_1',
  })
  const policyOf = async (id: string) => (await plans.get(id)).policy
  const approvals = createApprovals({
    store: actions,
    audit,
    bus,
    clock,
    channels: [{ name: 'console', deliver: async () => true }],
    approversOf: async () => ['usr_anna', 'usr_ben'].map((user_id) => ({ user_id, email: `${user_id}@example.org` })),
    policyOf,
    mustBePermitted: createPolicyNow(policyOf),
    signersOf: async () => null,
    publicUrl: origin,
  })
  const fleet: Fleet = {
    servers: [server()],
    alerts: [],
    samples: new Map([['srv_1', HEARTBEAT]]),
    tokens: [],
    tokensFrom: 'checkout',
    trust: trustOf([], [], 0),
    reality: new Map(),
  }
  const calls: IncomingCall[] = []
  const answers: CallResult[] = []
  const app: FastifyInstance = await createHttp({ log, https: false, trustProxy: false })
  const oauth = createOAuth({
    store: createOAuthStore(db),
    audit,
    identity,
    bus,
    clock,
    log,
    publicUrl: origin,
    signingKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    clientDocuments: { enabled: false },
    allowedOrigins: [],
    renderError: oauthErrorPage,
  })
  registerConsole(app, {
    publicUrl: origin,
    clock,
    log,
    identity,
    oauth,
    fleet: {
      list: async (workspaceId) => (workspaceId === 'wsp_1' ? fleet.servers : []),
      get: async (workspaceId, id) =>
        workspaceId === 'wsp_1' ? fleet.servers.find((one) => one.id === id) : undefined,
      status: (id) => fleet.samples.get(id),
      alerts: {
        list: async (_workspaceId, filter) =>
          fleet.alerts.filter((alert) => filter.serverId === undefined || alert.server_id === filter.serverId),
      },
      trust: async () => fleet.trust,
      createInstallToken: async () => {
        const token = {
          token: 'mtti_x',
          command: "printf '%s' 'mtti_x' | npm run agent -- enrol",
          expiresAt: clock.now() + 3_600_000,
          from: fleet.tokensFrom,
        }
        fleet.tokens.push(token)
        return token
      },
    },
    approvals,
    reveal: createReveal({ audit, unseal: (_purpose, sealed) => sealed }),
    output: actions,
    audit,
    plans,
    members,
    reality: { cached: async (id) => fleet.reality.get(id) },
    releases: { current: () => ({ manifest: { version: '0.2.0' } }) },
    bus,
    runCall: async (call) => {
      calls.push(call)
      return answers.shift() ?? { kind: 'error', code: 'NOT_FOUND', details: {}, requestId: call.requestId }
    },
  })

  /** Signs a seeded person in; `code` is what their authenticator app shows. */
  async function signIn(userId: string, has: { totp: boolean; role?: Role } = { totp: true }): Promise<Person> {
    if (has.role) await members.set({ workspaceId: 'wsp_1', userId, role: has.role, now: clock.now() })
    const enrolled = has.totp ? await identity.totp.begin(userId, userId, { confirmed: true }) : undefined
    const setCookie = await identity.sessions.open({ userId, amr: ['pwd'], from: { headers: {} } })
    const cookie = setCookie.split(';')[0] ?? ''
    const session = await identity.sessionOf({ headers: { cookie } })
    const app = enrolled && new TOTP({ secret: Secret.fromBase32(enrolled.secret) })
    return {
      id: userId,
      cookie,
      csrf: session?.csrf ?? '',
      code: () => app?.generate({ timestamp: clock.now() }) ?? '',
    }
  }

  const command = (line: string): ActionSpec => ({
    kind: 'command',
    server_id: 'srv_1',
    line,
    argv: ['/bin/bash', '-c', line],
    cwd: '/',
    env: {},
    user: '',
    terminal: false,
    timeout_ms: 30_000,
  })

  return {
    app,
    origin,
    clock,
    bus,
    fleet,
    calls,
    answers,
    actions,
    approvals,
    audit,
    plans,
    members,
    identity,
    signIn,
    /** An action that waits, asked for by Anna through a client. */
    ask: (line = 'touch /tmp/x', words: { reason?: string; clientName?: string; grantId?: string } = {}) =>
      approvals.request(asker(words), 'req_1', command(line), {
        title: line,
        effect: 'Runs with the rights of the act lane on this server; it may change anything there.',
        undo: 'Cannot be undone by mttrly.',
        reason: words.reason ?? '',
        why: 'touch writes to the file system.',
      }),
    close: async () => {
      await app.close()
      oauth.stop()
      await db.close()
    },
  }
}

const asker = ({ clientName = 'Claude Code', grantId = 'grant-1' }: { clientName?: string; grantId?: string }) =>
  principal({ clientName, grantId })

export type Booted = Awaited<ReturnType<typeof bootConsole>>
