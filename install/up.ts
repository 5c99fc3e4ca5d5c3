// `npm run up`: Central with SQLite in this process, and this machine as its first server, by an agent in a process of its
// own. Starting again keeps everything. With --json, stdout carries one line once the agent is online.
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { holderOf, lockDirectory } from '../agent/lock.ts'
import { type Central, startCentral } from '../central/app.ts'
import { ConfigError, configWith, makeDataDir } from '../central/config.ts'
import { installSandbox } from './install-sandbox.ts'
import { enrolThisHost, keepAgentRunning } from './local-agent.ts'
import { welcome } from './welcome.ts'

const OPTIONS = {
  data: { type: 'string' },
  'http-port': { type: 'string' },
  'grpc-port': { type: 'string' },
  'public-url': { type: 'string' },
  'grpc-host': { type: 'string' },
  'link-address': { type: 'string' },
  'log-level': { type: 'string', default: 'warn' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const USAGE = `Usage: npm run up -- [options]
  --data DIR            the database and the keys; default .data
  --http-port N         the console and /mcp; default 8080
  --grpc-port N         where agents connect; default 8443
  --grpc-host ADDRESS   the address that agents connect to; default 127.0.0.1
  --link-address H:P    what agents are told instead
  --public-url URL      the one public address; default http://localhost:<http-port>
  --log-level LEVEL     silent, error, warn, info or debug; default warn
  --json                one line of JSON on stdout once the agent is online`

const ONLINE_WITHIN_MS = 90_000

const step = (text: string): void => console.error(`· ${text}`)

async function up(): Promise<void> {
  const { json, help, ...settings } = parseArgs({ options: OPTIONS }).values
  if (help) return console.log(USAGE)
  const config = configWith(settings)
  const lock = lockData(config.dataDir)
  await installSandbox(userInfo().uid === 0, step)

  step('starting Central')
  const central = await startCentral(config)
  const workspaceId = await central.firstWorkspace()

  const agentData = join(config.dataDir, 'agent')
  const serverId = await enrolThisHost(central, workspaceId, agentData, step)
  step('starting the agent')
  const agent = keepAgentRunning({ agentData, hide: config.dataDir, step })
  const stop = async () => {
    await agent.stop()
    await central.stop()
    lock.release()
  }
  stopOnSignal(stop)
  try {
    await untilOnline(central, workspaceId, serverId)
  } catch (error) {
    await stop()
    throw error
  }

  const setup = (await central.identity.accounts.createSetupLink()) ?? null
  const mcp = `${central.publicUrl}/mcp`
  console.log(
    json ? JSON.stringify({ ready: true, console: central.publicUrl, mcp, setup }) : welcome(central.publicUrl, setup),
  )
}

/** Two on the same data would take the agent and the set-up link from each other. A killed one's lock is void. */
function lockData(dataDir: string): { release(): void } {
  makeDataDir(dataDir)
  const lock = lockDirectory(dataDir)
  if (lock) return lock
  const pid = holderOf(dataDir)?.pid
  throw new ConfigError(
    `--data: ${dataDir} is in use by another “npm run up”${pid ? ` (pid ${pid})` : ''}; stop that one`,
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

/** npm passes on what the terminal has sent already, so one Ctrl-C may come twice; a later one is from somebody who will not wait. */
const SAME_SIGNAL_MS = 3_000

function stopOnSignal(work: () => Promise<void>): void {
  let since: number | undefined
  const stop = async () => {
    if (since !== undefined && Date.now() - since > SAME_SIGNAL_MS) process.exit(1)
    if (since !== undefined) return
    since = Date.now()
    step('stopping')
    await work()
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop())
}

up().catch((error: unknown) => {
  const usage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  const plain = usage || error instanceof ConfigError || (error instanceof Error && !('code' in error))
  console.error(plain ? (error as Error).message : error)
  if (usage) console.error(USAGE)
  process.exit(1)
})
