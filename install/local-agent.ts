// This machine as a server of the Central that runs here: enrolled once, then kept running.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { enrol } from '../agent/enrol.ts'
import { createIdentityStore } from '../agent/identity/identity.ts'
import { holderOf } from '../agent/lock.ts'
import { type Companion, startCompanion } from '../agent/process/spawn.ts'
import type { Central } from '../central/app.ts'

const AGENT = fileURLToPath(new URL('../agent/main.ts', import.meta.url))
const RESTART_MS = 2_000
/** What an agent needs to end by itself; then it is ended. */
const STOP_WITHIN_MS = 15_000
/** agent/config.ts: an agent that an earlier start left behind (it was killed) still runs on this data. */
const OTHER_RUNS = 6
/** agent/config.ts: exit codes after which starting again would change nothing. */
const FINAL: Record<number, string> = {
  2: 'its settings are wrong',
  3: 'it is not enrolled',
}

type Step = (text: string) => void

/** The server id of this host; enrols it where Central does not know it. */
export async function enrolThisHost(
  central: Central,
  workspaceId: string,
  agentData: string,
  step: Step,
): Promise<string> {
  const known = createIdentityStore({ directory: agentData }).read()
  const server = known && (await central.fleet.get(workspaceId, known.serverId))
  if (server && known.linkAddress === central.linkAddress) return known.serverId
  step(server ? 'enrolling this machine again: Central has another address now' : 'enrolling this machine')
  await endAgent(holderOf(agentData)?.pid, agentData)
  const { token } = await central.fleet.createInstallToken({
    workspaceId,
    createdBy: 'up',
    ...(server && { serverId: server.id }),
  })
  // Not by the public address: what stands in front of that may not be there yet.
  const done = await enrol({
    central: central.localUrl,
    token,
    dataDirectory: agentData,
    replace: known !== undefined,
    now: Date.now(),
  })
  if (!done.ok) throw new Error(`This machine could not be enrolled: ${done.detail}`)
  return done.serverId
}

/**
 * How the daemon is started. The small young generation and the kept compiled code save it a third of its memory: without
 * the latter it would load the TypeScript stripper, and hold it for as long as it runs.
 */
export function agentProgram(agentData: string, hide: string) {
  const node = [process.execPath, '--max-semi-space-size=1', '--disable-warning=ExperimentalWarning', AGENT]
  const data = ['--data', agentData]
  return {
    argv: [...node, 'run', ...data, '--hide', hide],
    /** Loads what `argv` will load, and ends: from then on the compiled code is there. */
    warm: [...node, 'status', ...data],
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      NODE_COMPILE_CACHE: join(agentData, 'cache', 'daemon'),
      // man 3 mallopt: one arena, where each of Node's threads would have its own.
      MALLOC_ARENA_MAX: '1',
    },
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}

async function endAgent(pid: number | undefined, agentData: string): Promise<void> {
  if (pid === undefined) return
  send(pid, 'SIGTERM')
  const overdue = setTimeout(() => send(pid, 'SIGKILL'), STOP_WITHIN_MS)
  while (holderOf(agentData)?.pid === pid) await sleep(100)
  clearTimeout(overdue)
}

/** Starts the agent, and again when it ends by itself. */
export function keepAgentRunning(options: { agentData: string; hide: string; step: Step }): { stop(): Promise<void> } {
  const { agentData, hide, step } = options
  const { argv, warm, env } = agentProgram(agentData, hide)
  let running: Companion | undefined
  let stopped = false

  async function keep(): Promise<void> {
    await startCompanion(warm, env).ended
    while (!stopped) {
      running = startCompanion(argv, env)
      running.output.pipe(process.stderr, { end: false })
      const { exitCode } = await running.ended
      running = undefined
      if (stopped) return
      if (exitCode === OTHER_RUNS && holderOf(agentData)) {
        step('an agent from an earlier start still runs on this data and stays in charge')
        while (!stopped && holderOf(agentData)) await sleep(RESTART_MS)
        continue
      }
      const why = FINAL[exitCode]
      step(why ? `the agent ended: ${why}` : `the agent ended with ${exitCode} and is started again`)
      if (why) return
      await sleep(RESTART_MS)
    }
  }
  const kept = keep()

  return {
    async stop() {
      stopped = true
      await endAgent(running?.pid ?? holderOf(agentData)?.pid, agentData)
      await kept
    },
  }
}
