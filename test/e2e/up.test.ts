// `npm run up` as a newcomer types it: in a fresh copy of the tree, read by a script, stopped, killed and started again.
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connectMcp } from '../helpers/mcp.ts'
import { createPerson } from '../helpers/person.ts'
import { leftovers, processesWith, signal, withDescendants } from './processes.ts'
import { verifies } from './requirements.ts'

const HERE = fileURLToPath(new URL('../..', import.meta.url))
const isGit = spawnSync('git', ['-C', HERE, 'rev-parse', 'HEAD']).status === 0
const EMAIL = 'owner@example.org'
const PASSWORD = 'seven green trams at dawn'

type Ready = { ready: true; console: string; mcp: string; setup: string | null }
type Up = {
  ready: Promise<Ready>
  lines: string[]
  log: () => string
  child: ChildProcess
  ended: Promise<number | null>
}

let root: string
let tree: string
let data: string
let ports: { http: number; grpc: number }

before(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'mttrly-up-')))
  tree = join(root, 'tree')
  data = join(root, 'data')
  const cloned = spawnSync('git', ['clone', '-q', '--no-hardlinks', HERE, tree], { encoding: 'utf8' })
  assert.equal(cloned.status, 0, cloned.stderr)
  symlinkSync(join(HERE, 'node_modules'), join(tree, 'node_modules'))
  ports = { http: await freePort(), grpc: await freePort() }
})

after(async () => {
  const left = await leftovers(() => processesWith(root), 2_000)
  rmSync(root, { recursive: true, force: true })
  assert.deepEqual(left, [])
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

const environment = { PATH: `${join(HERE, 'node_modules/.bin')}:${process.env.PATH}`, HOME: tmpdir() }

/** npm itself stays out of the way of signals here: its script is what is run. */
function up(more: Partial<{ http: number; grpc: number; data: string }> = {}): Up {
  const options = { ...ports, data, ...more }
  const flags = ['--data', options.data, '--http-port', `${options.http}`, '--grpc-port', `${options.grpc}`, '--json']
  const child = spawn(process.execPath, ['install/up.ts', ...flags], { cwd: tree, env: environment })
  const lines: string[] = []
  let log = ''
  const { promise: ready, resolve, reject } = Promise.withResolvers<Ready>()
  ready.catch(() => {})
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter(Boolean))
    if (lines[0]) resolve(JSON.parse(lines[0]))
  })
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)))
  void ended.then((code) => reject(new Error(`it ended with ${code}: ${log}`)))
  return { ready, lines, log: () => log, child, ended }
}

async function stop({ child, ended }: Up): Promise<void> {
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
}

/** As typed, through npm. */
function npm(args: readonly string[], input = ''): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      'npm',
      ['run', '--silent', ...args],
      { cwd: tree, env: environment },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}
const admin = (...args: string[]) =>
  npm(['admin', '--', '--data', data, ...args], args.includes('--password-stdin') ? PASSWORD : '')

describe('npm run up', { skip: isGit ? false : 'not a git checkout' }, () => {
  const made: { serverId?: string; key?: string; totpSecret?: string; actionId?: string } = {}

  async function clientOf({ console: url }: Ready) {
    const mcp = await connectMcp(url, made.key ?? '')
    const { servers } = await mcp.value('list_servers')
    const [server] = servers as { server_id: string; status: string }[]
    assert.equal(server?.status, 'online')
    return { mcp, serverId: server?.server_id }
  }

  verifies(
    ['up:one-ready-line', 'up:owner-and-key-by-script'],
    'prints one line; owner and key are made by script',
    async () => {
      const running = up()
      const ready = await running.ready
      assert.deepEqual(Object.keys(ready), ['ready', 'console', 'mcp', 'setup'])
      assert.equal(ready.console, `http://localhost:${ports.http}`)
      assert.equal(ready.mcp, `${ready.console}/mcp`)
      assert.ok(ready.setup?.startsWith(`${ready.console}/`))

      const owner = await admin('owner', 'create', '--email', EMAIL, '--password-stdin', '--totp')
      assert.equal(owner.code, 0, owner.stderr)
      made.totpSecret = JSON.parse(owner.stdout).totp_secret
      const again = await admin('owner', 'create', '--email', EMAIL, '--password-stdin')
      assert.notEqual(again.code, 0)
      const key = await admin('api-key', 'create', '--email', EMAIL, '--scopes', 'read,execute', '--json')
      assert.equal(key.code, 0, key.stderr)
      made.key = JSON.parse(key.stdout).key
      assert.match(made.key ?? '', /^mtt_/)

      const { mcp, serverId } = await clientOf(ready)
      made.serverId = serverId
      const command = `touch ${join(root, 'touched')}`
      made.actionId = String((await mcp.value('execute_command', { server_id: serverId, command })).action_id)
      await mcp.close()
      await stop(running)
      assert.equal(running.lines.length, 1)
    },
  )

  verifies('up:keeps-everything', 'stopped and started again: server, owner, key and action are there', async () => {
    const running = up()
    const ready = await running.ready
    assert.equal(ready.setup, null)
    const { mcp, serverId } = await clientOf(ready)
    assert.equal(serverId, made.serverId)
    assert.equal((await mcp.value('get_action_result', { action_id: made.actionId })).status, 'pending_approval')
    const totpSecret = made.totpSecret ?? ''
    const person = createPerson({ url: ready.console, email: EMAIL, password: PASSWORD, totpSecret })
    await person.signIn()
    assert.equal((await person.decide(made.actionId ?? '', 'approve')).status, 303)
    const end = await mcp.value('get_action_result', { action_id: made.actionId, wait_s: 40 })
    assert.equal(end.status, 'succeeded')
    await mcp.close()
    await stop(running)
  })

  verifies(
    'up:keeps-everything',
    'killed and started again: the agent that was left behind is no hindrance',
    async () => {
      const running = up()
      await running.ready
      running.child.kill('SIGKILL')
      await once(running.child, 'exit') // not its close: the agent goes on writing to the same log
      const second = up()
      const { mcp, serverId } = await clientOf(await second.ready)
      assert.equal(serverId, made.serverId)
      assert.equal((await mcp.value('get_action_result', { action_id: made.actionId })).status, 'succeeded')
      await mcp.close()
      await stop(second)
      // The agent of the first one stayed in charge; nobody is left to stop it but us.
      for (const pid of withDescendants(processesWith(root).map(({ pid }) => pid))) signal(pid, 'SIGTERM')
    },
  )

  verifies('up:says-what-is-wrong', 'a port in use is one clear line', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    const port = typeof address === 'object' && address ? address.port : 0
    for (const clash of [{ http: port }, { grpc: port }]) {
      const running = up(clash)
      assert.notEqual(await running.ended, 0)
      const last = running.log().trim().split('\n').at(-1) ?? ''
      assert.match(last, /port \d+ is already in use/)
      assert.ok(last.includes(String(port)))
      assert.ok(!running.log().includes('    at '), running.log())
      assert.deepEqual(running.lines, [])
    }
    await new Promise((resolve) => taken.close(resolve))
  })
})
