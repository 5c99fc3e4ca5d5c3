// This machine as a server of the Central that runs here: enrolled once, then kept running.
import { fileURLToPath } from 'node:url'
import { enrol } from '../agent/enrol.ts'
import { createIdentityStore } from '../agent/identity.ts'
import { type Companion, startCompanion } from '../agent/process/spawn.ts'
import type { Central } from '../central/app.ts'

const AGENT = fileURLToPath(new URL('../agent/main.ts', import.meta.url))
const RESTART_MS = 2_000
/** agent/config.ts: exit codes after which starting again would change nothing. */
const FINAL: Record<number, string> = {
  2: 'its settings are wrong',
  3: 'it is not enrolled',
  6: 'another agent already runs on this data; it stays in charge',
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
  if (known && (await central.fleet.get(workspaceId, known.serverId))) return known.serverId
  step('enrolling this machine')
  const { token } = await central.fleet.createInstallToken({ workspaceId, createdBy: 'up' })
  const done = await enrol({
    central: central.publicUrl,
    token,
    dataDirectory: agentData,
    replace: known !== undefined,
    now: Date.now(),
  })
  if (!done.ok) throw new Error(`This machine could not be enrolled: ${done.detail}`)
  return done.serverId
}

/** Starts the agent, and again when it ends by itself. */
export function keepAgentRunning(options: { agentData: string; hide: string; step: Step }): { stop(): Promise<void> } {
  const { agentData, hide, step } = options
  const argv = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    AGENT,
    'run',
    '--data',
    agentData,
    '--hide',
    hide,
  ]
  let running: Companion | undefined
  let stopped = false

  async function keep(): Promise<void> {
    while (!stopped) {
      running = startCompanion(argv, { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' })
      running.output.pipe(process.stderr, { end: false })
      const { exitCode } = await running.ended
      running = undefined
      if (stopped) return
      const why = FINAL[exitCode]
      step(why ? `the agent ended: ${why}` : `the agent ended with ${exitCode} and is started again`)
      if (why) return
      await new Promise((wake) => setTimeout(wake, RESTART_MS))
    }
  }
  const kept = keep()

  return {
    async stop() {
      stopped = true
      if (running) process.kill(running.pid, 'SIGTERM')
      await kept
    },
  }
}
