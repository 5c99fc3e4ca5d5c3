// The composition root: builds the rooms, starts them, stops them in reverse. Nothing imports it but main.ts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { LIMITS } from '#proto/contract/limits.ts'
import { createHandle, grantedWork } from './calls.ts'
import type { CapabilityContext } from './capabilities/handlers.ts'
import { createCapabilities } from './capabilities/index.ts'
import type { AgentConfig } from './config.ts'
import { hasEngine } from './docker/sockets.ts'
import { makePrivateDirectory } from './files/durable-file.ts'
import type { LaneName } from './guard/policy.ts'
import { certificates } from './identity/certificates.ts'
import { createIdentityStore, halfLife, type Identity, type IdentityStore, validity } from './identity/identity.ts'
import { readLinkReport, reportLink } from './identity/link-state.ts'
import { createJournal } from './journal/journal.ts'
import { createLanes } from './lanes/lanes.ts'
import { laneArguments } from './lanes/settings.ts'
import { connectLane } from './lanes/sockets.ts'
import { readTrust } from './lanes/trust.ts'
import { connectLink } from './link/connect.ts'
import { readHostFacts } from './link/hello.ts'
import { createSampler } from './link/host-sample.ts'
import { createLink } from './link/link.ts'
import type { LinkState } from './link/reconnect.ts'
import { createRenewal } from './link/renewal.ts'
import type { Trouble } from './link/trouble.ts'
import { lockDirectory } from './lock.ts'
import type { Log } from './log.ts'
import { actingAs } from './owner.ts'
import { closeInherited } from './process/inherited.ts'
import { startCompanion } from './process/spawn.ts'
import { LANE_PROGRAM, VERSION } from './program.ts'

const EXIT = { done: 0, notEnrolled: 3, refused: 4, unreachable: 5, running: 6 } as const
const clock = { now: () => Date.now() }
const nobody: CapabilityContext = {
  requestId: '',
  cancelled: new AbortController().signal,
  gone: new AbortController().signal,
  output: async () => {},
}

/** Without a runtime directory nobody is told. */
const reportTo = (directory: string | undefined) =>
  directory === undefined
    ? undefined
    : (state: LinkState, trouble: Trouble | undefined): void => {
        const report = { state, since: clock.now(), pid: process.pid, version: VERSION }
        reportLink(directory, { ...report, ...(trouble && { trouble }) })
      }

/** A damaged identity is as none: starting again would change nothing, so the log says what does. Not what was read: it holds a key. */
function usableIdentity(store: IdentityStore, log: Log): Identity | undefined {
  try {
    const identity = store.read()
    if (!identity) log.error({}, 'this host is not enrolled')
    return identity
  } catch {
    const next = 'run the command that mttrly_bootstrap_recover gives for this server'
    log.error({ next }, 'the identity of this host cannot be read')
    return undefined
  }
}

/** Runs the daemon until the signal. @returns the exit code */
export async function runAgent(config: AgentConfig, log: Log, stopped: AbortSignal): Promise<number> {
  process.umask(0o022)
  closeInherited()
  const store = createIdentityStore({ directory: config.dataDirectory })
  const identity = usableIdentity(store, log)
  if (!identity) return EXIT.notEnrolled
  const lock = lockDirectory(config.dataDirectory)
  if (!lock) {
    log.error({ data: config.dataDirectory }, 'another agent runs on this data')
    return EXIT.running
  }
  const compileCache = join(config.dataDirectory, 'cache')
  makePrivateDirectory(compileCache)
  const lanes = createLanes({
    start: startCompanion,
    entry: LANE_PROGRAM,
    args: laneArguments({ ...config, sockets: config.socketDirectory, runtime: config.runtimeDirectory }),
    compileCache,
    connect: config.socketDirectory === undefined ? undefined : connectLane(config.socketDirectory),
  })
  const { notes, ...said } = await lanes.probe()
  for (const note of notes) log.warn({ note }, 'a lane is limited')
  const contained = (lane: LaneName): boolean =>
    said.lanes.some(({ name, isolation }) => name === lane && isolation !== 'ISOLATION_NONE')

  const capabilities = createCapabilities({ lanes, contained, engine: hasEngine })
  const journal = createJournal<CapabilityContext>({
    directory: join(config.dataDirectory, 'journal'),
    clock,
    work: grantedWork(capabilities),
    most: LIMITS.unacknowledged,
    alone: nobody,
  })
  const host = readHostFacts({ root: '/', version: VERSION })
  const link = createLink({
    clock,
    log,
    connect: connectLink,
    hello: () => ({ ...host, docker: hasEngine(), ...said, unacknowledged: journal.unacknowledged() }),
    renewal: createRenewal({ store, identity, clock, log, certificates }),
    random: Math.random,
    handle: createHandle({ capabilities, journal, clock }),
    sample: createSampler({ root: '/', clock }),
    acknowledge: journal.acknowledge,
    onState: reportTo(config.runtimeDirectory),
  })
  stopped.addEventListener('abort', () => link.stop())
  if (stopped.aborted) link.stop()
  journal.recover().catch((error) => log.error({ error: String(error) }, 'the journal could not be settled'))
  if (link.state() === 'idle') await link.run()
  await lanes.stop()
  lock.release()
  return EXIT.done
}

/** Makes this host a server. @returns the exit code */
export async function enrolHost(config: AgentConfig, log: Log): Promise<number> {
  const { enrol } = await import('./enrol.ts')
  const token = typeof config.token === 'object' ? readFileSync(config.token.file, 'utf8') : await text(process.stdin)
  const { central, dataDirectory, actDirectory, replace, owner } = config
  const asOwner = owner === undefined ? {} : { asOwner: actingAs(owner) }
  const answer = await enrol({ central, token, dataDirectory, actDirectory, replace, ...asOwner, now: clock.now() })
  if (answer.ok) {
    log.info({ server_id: answer.serverId, link: answer.linkAddress }, 'enrolled')
    return EXIT.done
  }
  log.error({ why: answer.why, detail: answer.detail }, 'not enrolled')
  return answer.why === 'unreachable' ? EXIT.unreachable : EXIT.refused
}

/** The server that the act lane believes to be, which the agent's own account cannot change: approvers go by it. */
function pinnedServer(actDirectory: string): string | undefined {
  try {
    return readTrust(actDirectory).serverId
  } catch {
    return undefined // a lane without it runs nothing
  }
}

/** Prints who this agent is. @returns the exit code */
export function printStatus(config: AgentConfig): number {
  const identity = createIdentityStore({ directory: config.dataDirectory }).read()
  const status = identity
    ? {
        enrolled: true,
        server_id: pinnedServer(config.actDirectory) ?? identity.serverId,
        link: identity.linkAddress,
        renew_after: halfLife(identity.certificatePem),
        valid_until: validity(identity.certificatePem).to,
        running: readLinkReport(config.runtimeDirectory) ?? null,
      }
    : { enrolled: false }
  process.stdout.write(`${JSON.stringify(status)}\n`)
  return identity ? EXIT.done : EXIT.notEnrolled
}
