// `npm run up`: Central with SQLite in this process, and this machine as its first server, by an agent in a process of its
// own. Starting again keeps everything. With --json, stdout carries one line once the agent is online.
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Central, startCentral } from '../central/app.ts'
import { ConfigError, configOf } from '../central/config.ts'
import { installSandbox } from './install-sandbox.ts'
import { enrolThisHost, keepAgentRunning } from './local-agent.ts'
import { welcome } from './welcome.ts'

const OPTIONS = {
  data: { type: 'string', default: '.data' },
  'http-port': { type: 'string', default: '8080' },
  'grpc-port': { type: 'string', default: '8443' },
  'public-url': { type: 'string' },
  'log-level': { type: 'string', default: 'warn' },
  json: { type: 'boolean', default: false },
} as const

const ONLINE_WITHIN_MS = 90_000

const step = (text: string): void => console.error(`· ${text}`)

async function up(): Promise<void> {
  const { json, ...settings } = parseArgs({ options: OPTIONS }).values
  const data = resolve(settings.data)
  await installSandbox(userInfo().uid === 0, step)

  step('starting Central')
  const central = await startCentral(configOf(settings))
  const workspaceId = await central.firstWorkspace()

  const agentData = join(data, 'agent')
  const serverId = await enrolThisHost(central, workspaceId, agentData, step)
  step('starting the agent')
  const agent = keepAgentRunning({ agentData, hide: data, step })
  stopOnSignal(central, agent)
  await untilOnline(central, workspaceId, serverId)

  const setup = (await central.identity.accounts.createSetupLink()) ?? null
  const mcp = `${central.publicUrl}/mcp`
  console.log(
    json ? JSON.stringify({ ready: true, console: central.publicUrl, mcp, setup }) : welcome(central.publicUrl, setup),
  )
}

async function untilOnline(central: Central, workspaceId: string, serverId: string): Promise<void> {
  const end = Date.now() + ONLINE_WITHIN_MS
  while (!(await central.fleet.get(workspaceId, serverId))?.online) {
    if (Date.now() > end) throw new Error('The agent did not come online; the lines above say why.')
    await new Promise((wake) => setTimeout(wake, 100))
  }
  step('the agent is online')
}

function stopOnSignal(central: Central, agent: { stop(): Promise<void> }): void {
  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    step('stopping')
    await agent.stop()
    await central.stop()
    process.exit(0)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

up().catch((error: unknown) => {
  const plain = error instanceof ConfigError || (error instanceof Error && !('code' in error))
  console.error(plain ? (error as Error).message : error)
  process.exit(1)
})
