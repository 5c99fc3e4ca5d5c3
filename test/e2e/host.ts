// A server for the end-to-end tests: the real agent as a process of its own, enrolled with a real Central. When the test
// is over it is stopped, and anything that still runs of it fails the test.
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { enrol } from '../../agent/enrol.ts'
import type { Central } from '../../central/app.ts'
import { until } from '../helpers/fleet.ts'
import { leftovers, processesWith, type Running, signal } from './processes.ts'

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url))
/** Shared by all agents of a test run: they start in half the time. */
const COMPILE_CACHE = join(tmpdir(), `mttrly-e2e-compile-cache-${process.getuid?.() ?? 0}`)

export type Home = { root: string; data: string; config: string; work: string }

/** Directories of one host. `work` is where commands may leave their traces; everybody may write there. */
export function makeHome(): Home {
  const root = mkdtempSync(join(tmpdir(), 'mttrly-host-'))
  chmodSync(root, 0o755)
  const [data, config, work] = ['data', 'config', 'work'].map((name) => join(root, name)) as [string, string, string]
  mkdirSync(config)
  mkdirSync(work)
  chmodSync(work, 0o777)
  return { root, data, config, work }
}

export type AgentProcess = { pid: number; log: () => string; ended: Promise<number | NodeJS.Signals> }

type AgentOptions = { args?: readonly string[]; uid?: number }

export function startAgentProcess(home: Home, { args = [], uid }: AgentOptions = {}): AgentProcess {
  const argv = [
    '--disable-warning=ExperimentalWarning',
    MAIN,
    'run',
    '--data',
    home.data,
    '--config',
    home.config,
    ...args,
  ]
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(uid !== undefined && { uid, gid: uid }),
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: home.root,
      NODE_COMPILE_CACHE: `${COMPILE_CACHE}-${uid ?? 'own'}`,
    },
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once('close', (code, name) => resolve(code ?? name ?? 0)),
  )
  return { pid: child.pid ?? 0, log: () => log, ended }
}

function giveTo(directory: string, uid: number): void {
  for (const path of [directory, ...globSync(`${directory}/**/*`)]) chownSync(path, uid, uid)
}

type Place = { url: string; central: Pick<Central, 'fleet'>; workspaceId: string; dataDir: string }

/** Enrols a host and waits until it is online. With `uid` (as root) its agent belongs to that account. */
export async function startHost(t: Pick<TestContext, 'after'>, place: Place, { uid }: { uid?: number } = {}) {
  const home = makeHome()
  const { token } = await place.central.fleet.createInstallToken({ workspaceId: place.workspaceId, createdBy: 'test' })
  const enrolled = await enrol({
    central: place.url,
    token,
    dataDirectory: home.data,
    replace: false,
    now: Date.now(),
  })
  if (!enrolled.ok) throw new Error(`not enrolled: ${enrolled.detail}`)
  const { serverId } = enrolled
  if (uid !== undefined) giveTo(home.data, uid)
  const start = () => startAgentProcess(home, { args: ['--hide', place.dataDir], ...(uid !== undefined && { uid }) })
  let agent = start()
  let logs = ''
  const find = (): Running[] => processesWith(home.root)

  t.after(async () => {
    signal(agent.pid, 'SIGTERM')
    await agent.ended
    const left = await leftovers(find)
    rmSync(home.root, { recursive: true, force: true })
    if (left.length > 0) throw new Error(`left running: ${JSON.stringify(left)}`)
  })

  const host = {
    serverId,
    home,
    work: (name: string) => join(home.work, name),
    log: () => logs + agent.log(),
    pid: () => agent.pid,
    find,
    online: () => until(async () => (await place.central.fleet.get(place.workspaceId, serverId))?.online === true),
    offline: () => until(async () => (await place.central.fleet.get(place.workspaceId, serverId))?.online === false),
    async stop(name: NodeJS.Signals = 'SIGTERM') {
      signal(agent.pid, name)
      await agent.ended
    },
    start(): void {
      logs += agent.log()
      agent = start()
    },
  }
  await host.online()
  return host
}

export type Host = Awaited<ReturnType<typeof startHost>>
