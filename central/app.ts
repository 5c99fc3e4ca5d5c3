// Central's composition root: builds the rooms, starts them, stops them in reverse. Nothing imports it but the entry
// files, install/ and the tests' boot helper.
import { createServer } from 'node:net'
import type { Logger } from 'pino'
import { actorOf, type Channel, createApprovals, SYSTEM } from './approvals/approvals.ts'
import { createDecideAction } from './calls/decide-action.ts'
import { createPolicyNow } from './calls/policy-now.ts'
import { createReveal } from './calls/reveal.ts'
import { createRollouts } from './calls/rollouts.ts'
import { createRunAction } from './calls/run-action.ts'
import { createRunCall } from './calls/run-call.ts'
import { createRunRead } from './calls/run-read.ts'
import { type Config, ConfigError, notePublicUrl } from './config.ts'
import { registerConsole } from './console/console.ts'
import { oauthErrorPage } from './console/pages/consent.ts'
import { type Core, openCore } from './core.ts'
import type { AuditEvent, AuditEventName } from './domain/audit.ts'
import type { Clock } from './domain/clock.ts'
import { createId } from './domain/ids.ts'
import { mayApprove } from './domain/principal.ts'
import { unseal } from './domain/seal.ts'
import { plainText } from './domain/text.ts'
import { VERSION } from './domain/version.ts'
import { createFleet, type Fleet } from './fleet/fleet.ts'
import { registerFleetRoutes } from './fleet/routes.ts'
import { createHttp } from './http/server.ts'
import { type McpRates, registerMcp } from './mcp/index.ts'
import type { Surface } from './mcp/surface.ts'
import type { ClientDocumentSettings } from './oauth/client-documents.ts'
import { createOAuth } from './oauth/oauth.ts'
import { createDiagnoses } from './reality/diagnosis.ts'
import { createReality } from './reality/reality.ts'
import { createRelay, type Relay } from './relay/relay.ts'
import { createReleases, type Releases } from './releases/releases.ts'
import { registerReleaseRoutes } from './releases/routes.ts'
import { catalog } from './tools/catalog.ts'

/** What tests bring in; nothing of it can be set from outside the process. */
export type Outside = {
  clock?: Clock
  log?: Logger
  clientDocuments?: Partial<ClientDocumentSettings>
  surface?: Surface
  rates?: Partial<McpRates>
}

export type Central = Awaited<ReturnType<typeof startCentral>>

const SWEEP_INTERVAL = 15_000
const UPKEEP_INTERVAL = 600_000
/** A host gives itself less. */
const REALITY_WITHIN = 20_000

/** The console shows what is pending to everyone who may decide; there is nothing to send that could fail. */
const IN_CONSOLE: Channel = { name: 'console', deliver: async () => true }

/** Starts everything; resolves when agents, clients and people can come. */
export async function startCentral(config: Config, outside: Outside = {}) {
  const httpPort = config.http.port || (await freePort(config.http.host))
  const publicUrl = config.publicUrl ?? `http://localhost:${httpPort}`
  const linkHost = linkHostOf(config, publicUrl)
  const core = await openCore(config, { publicUrl, linkHost, ...outside })
  const releases = createReleases({ ...config.releases, clock: core.clock, log: core.log })
  const link = createLink(core, config, linkHost, releases)
  const calls = createCalls(core, link, releases)
  const http = await createDoors(core, link.fleet, releases, calls, config, outside)

  const stop = async (): Promise<void> => {
    await http.close()
    calls.rollouts.stop()
    calls.runAction.stop()
    await link.stop()
    await core.close()
  }
  const grpcPort = await listenOrStop('--grpc-port', async () => (await link.start()).port, stop)
  await listenOrStop('--http-port', () => http.listen({ host: config.http.host, port: httpPort }), stop)
  notePublicUrl(config.dataDir, publicUrl)
  // Runs that go on are picked up beside the start: it does not wait for them.
  calls.sweep().catch((error) => core.log.error({ err: error }, 'what a restart left is not picked up yet'))
  const timers = [
    every(SWEEP_INTERVAL, () => calls.sweep(), core.log),
    every(UPKEEP_INTERVAL, () => upkeep(core), core.log),
  ]
  core.log.info({ http: publicUrl, grpc_port: grpcPort }, 'Central is up')

  return {
    ...core,
    fleet: link.fleet,
    relay: link.relay,
    approvals: { ...calls.approvals, decide: calls.decideAction },
    /** What the timer does, for those who own the clock. */
    sweep: calls.sweep,
    grpcPort,
    linkAddress: link.linkAddress(),
    /** For programs on this machine, whatever stands in front of the public address. */
    localUrl: `http://${hostOf(ANY_ADDRESS.includes(config.http.host) ? '127.0.0.1' : config.http.host)}:${httpPort}`,
    async stop(): Promise<void> {
      for (const timer of timers) clearInterval(timer)
      await stop()
    },
  }
}

/** As it stands in front of a port (RFC 3986, section 3.2.2). */
const hostOf = (host: string): string => (host.includes(':') ? `[${host}]` : host)

const ANY_ADDRESS = ['0.0.0.0', '::']

/** The name or address under which agents reach the link; who listens on all addresses is reached by its public name. */
export function linkHostOf({ linkAddress, grpc }: Pick<Config, 'linkAddress' | 'grpc'>, publicUrl: string): string {
  const host =
    linkAddress?.replace(/:\d+$/, '') ?? (ANY_ADDRESS.includes(grpc.host) ? new URL(publicUrl).hostname : grpc.host)
  return host.replace(/^\[|\]$/g, '')
}

/** A taken port is the operator's to mend: said in the words of the setting, after everything has been taken down. */
async function listenOrStop<T>(setting: string, listen: () => Promise<T>, stop: () => Promise<void>): Promise<T> {
  try {
    return await listen()
  } catch (error) {
    await stop()
    const { code, port } = error as NodeJS.ErrnoException & { port?: number }
    throw code === 'EADDRINUSE' ? new ConfigError(`${setting}: port ${port} is already in use`) : error
  }
}

/** Fleet and relay: the agents' side. */
function createLink(
  { stores, bus, clock, log, keys, plans, audit, people, publicUrl }: Core,
  config: Config,
  linkHost: string,
  releases: Releases,
) {
  /** What happened whether it is written down or not. */
  const record = (event: AuditEventName, workspace_id: string, server_id: string, rest: Partial<AuditEvent>) =>
    void audit
      .append({ event, workspace_id, server_id, call_id: createId('request'), actor: actorOf(SYSTEM), ...rest })
      .catch((error) => log.error({ err: error, server_id, event }, 'not written down'))
  let port = config.grpc.port
  const linkAddress = () => config.linkAddress ?? `${hostOf(linkHost)}:${port}`
  const fleet = createFleet({
    store: stores.fleet,
    bus,
    ca: keys.ca,
    authorities: keys.authorities,
    actionKey: keys.actionKey,
    plans,
    clock,
    log,
    publicUrl,
    linkAddress,
    onToken: people.tokenCreated,
    releaseIsServed: () => 'manifest' in releases.current(),
    onClone: ({ workspaceId, serverId, peer, hostname }) =>
      record('server.clone_suspected', workspaceId, serverId, { details: { peer, hostname: plainText(hostname) } }),
    onEnrolled: ({ workspaceId, serverId, known }) =>
      record('server.enrolled', workspaceId, serverId, { details: { known_before: known } }),
    onAlert: ({ id, workspace_id, server_id, kind, severity, status }) =>
      record(status === 'active' ? 'alert.raised' : 'alert.resolved', workspace_id, server_id, {
        resource: `alert:${kind}`,
        details: { alert_id: id, severity },
      }),
  })
  const relay = createRelay({
    bus,
    fleet,
    authorities: keys.authorities,
    link: keys.link,
    clock,
    log,
    listen: config.grpc,
  })
  return {
    fleet,
    relay,
    linkAddress,
    async start() {
      await fleet.start()
      const listening = await relay.start()
      port = listening.port
      return listening
    },
    async stop() {
      await relay.stop()
      await fleet.stop()
    },
  }
}

type Calls = ReturnType<typeof createCalls>

/** Calls, approvals and runs: what every door leads to. */
function createCalls(core: Core, { fleet, relay }: { fleet: Fleet; relay: Relay }, releases: Releases) {
  const { stores, bus, clock, log, keys, dataKey, plans, audit, identity, publicUrl } = core
  const { actions } = stores
  const policyOf = async (workspaceId: string) => (await plans.get(workspaceId)).policy
  const mustBePermitted = createPolicyNow(policyOf)
  const approvals = createApprovals({
    store: actions,
    audit,
    bus,
    clock,
    channels: [IN_CONSOLE],
    approversOf: async (workspaceId) => {
      const members = (await stores.members.list(workspaceId)).filter(({ role }) => mayApprove(role))
      const enabled = await Promise.all(members.map(({ userId }) => identity.accounts.isEnabled(userId)))
      return members.filter((_member, i) => enabled[i]).map(({ userId, email }) => ({ user_id: userId, email }))
    },
    policyOf,
    mustBePermitted,
    signersOf: async ({ workspace_id, server_id }) => (await fleet.get(workspace_id, server_id))?.approvers ?? null,
    publicUrl,
  })
  const runAction = createRunAction({
    actions,
    audit,
    relay,
    fleet,
    bus,
    clock,
    log,
    mustBePermitted,
    actionKey: keys.actionKey,
    dataKey,
  })
  const rollouts = createRollouts({ actions, audit, fleet, bus, clock, log, start: runAction.start })
  const runRead = createRunRead({ relay, actions, audit, bus, clock, log })
  const reality = createReality({
    store: stores.snapshots,
    attempts: stores.attempts,
    ask: async (serverId) => (await relay.call(serverId, 'inspect.reality', {}, { timeoutMs: REALITY_WITHIN })).json,
    clock,
  })
  const diagnoses = createDiagnoses({
    attempts: stores.attempts,
    ask: async (serverId, json) =>
      (await relay.call(serverId, 'inspect.diagnose', { json }, { timeoutMs: REALITY_WITHIN })).json,
    clock,
  })
  const open = (purpose: string, sealed: string) =>
    unseal(dataKey, purpose, Buffer.from(sealed, 'base64')).toString('utf8')
  const runCall = createRunCall({
    plans,
    audit,
    log,
    toolRooms: {
      fleet,
      approvals,
      audit,
      output: actions,
      catalog,
      clock,
      inspectInstallation: (serverId) => relay.call(serverId, 'inspect.installation', {}),
      askFiles: async (serverId, json) => (await relay.call(serverId, 'inspect.files', { json })).json,
      askDocker: async (serverId, json) => (await relay.call(serverId, 'docker.ask', { json })).json,
      reality,
      diagnoses,
      releases,
      rollouts,
      cancelRun: runAction.cancel,
      unseal: open,
    },
    runRead: (call) => (serverId, command, timeoutMs) => runRead(call, serverId, command, timeoutMs),
  })
  const decideAction = createDecideAction({ approvals, runAction, log })
  const sweep = async () => {
    await approvals.sweep()
    await Promise.all([runAction.sweep(), rollouts.sweep()])
  }
  const reveal = createReveal({ audit, unseal: open })
  return { approvals, runAction, rollouts, reality, runCall, decideAction, reveal, sweep }
}

/** The HTTP server with all its doors: enrolment, OAuth, MCP, console. */
async function createDoors(
  core: Core,
  fleet: Fleet,
  releases: Releases,
  calls: Calls,
  config: Config,
  outside: Outside,
) {
  const { stores, bus, clock, log, dataKey, signingKey, plans, audit, identity, publicUrl } = core
  const app = await createHttp({ log, https: publicUrl.startsWith('https:'), trustProxy: config.trustProxy })
  const oauth = createOAuth({
    store: stores.oauth,
    audit,
    identity,
    bus,
    clock,
    log,
    publicUrl,
    signingKey: signingKey.export({ type: 'pkcs8', format: 'pem' }),
    clientDocuments: { enabled: config.clientIdDocuments, ...outside.clientDocuments },
    allowedOrigins: config.allowedOrigins,
    renderError: oauthErrorPage,
  })
  registerFleetRoutes(app, { fleet, clock })
  registerReleaseRoutes(app, { releases, publicUrl, caFingerprint: core.keys.ca.fingerprint })
  oauth.register(app)
  registerMcp(app, {
    catalog,
    runCall: calls.runCall,
    verifyBearer: oauth.verifyBearer,
    challenge: oauth.challenge,
    bus,
    allowedOrigins: config.allowedOrigins,
    publicUrl,
    clock,
    log,
    version: VERSION,
    stateKey: dataKey,
    rateLimit: outside.rates ?? { calls: { burst: config.callsPerMinute, perSecond: config.callsPerMinute / 60 } },
    ...(outside.surface && { extra: outside.surface }),
  })
  registerConsole(app, {
    publicUrl,
    clock,
    log,
    identity,
    oauth,
    fleet,
    approvals: { ...calls.approvals, decide: calls.decideAction },
    reveal: calls.reveal,
    output: stores.actions,
    audit,
    plans,
    members: stores.members,
    reality: calls.reality,
    releases,
    runCall: calls.runCall,
    bus,
  })
  app.addHook('onClose', async () => oauth.stop())
  return app
}

async function upkeep({ stores, identity, audit, clock }: Core): Promise<void> {
  await identity.prune()
  await stores.oauth.records.prune(clock.now())
  await stores.snapshots.prune()
  for (const workspace of await stores.workspaces.list()) await audit.checkpoint(workspace.id)
}

function every(ms: number, work: () => Promise<void>, log: Logger): NodeJS.Timeout {
  return setInterval(() => work().catch((error) => log.error({ err: error }, 'upkeep failed')), ms).unref()
}

/** A port for `publicUrl` to name before anything listens. */
async function freePort(host: string): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, host, resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP port')
  return address.port
}
