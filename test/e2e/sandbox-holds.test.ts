// A classifier that calls everything read-only: lines go straight to the read lane of a real agent. The lane alone must
// keep the host as it is and its secrets hidden. As root, and as an ordinary account where the machine lets us.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CatalogueError } from '#proto/contract/errors.ts'
import { type Booted, bootCentral } from '../helpers/boot-central.ts'
import { createCleanup } from '../helpers/cleanup.ts'
import { ATTACKS, ESCAPES, PLACES, type Targets } from './attacks.ts'
import type { Host } from './host.ts'
import { makeHome, startHost } from './host.ts'
import { signal } from './processes.ts'
import { verifies } from './requirements.ts'

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
const everybodyCanRead = (path: string): boolean =>
  path === '/' || ((statSync(path).mode & 0o001) !== 0 && everybodyCanRead(join(path, '..')))

const ACCOUNTS = [
  { name: isRoot ? 'root' : 'an ordinary account', uid: undefined, skip: false as const },
  {
    name: 'nobody',
    uid: NOBODY,
    skip: isRoot
      ? everybodyCanRead(process.cwd())
        ? false
        : 'another account cannot read this checkout'
      : 'only root can become nobody',
  },
]

type Cleanup = ReturnType<typeof createCleanup>

/** Things to attack, and a look at all of them. */
async function makeTargets(directory: string, cleanup: Cleanup) {
  const place = join(directory, randomBytes(6).toString('hex'))
  mkdirSync(place)
  chmodSync(place, 0o777)
  const file = join(place, 'file')
  writeFileSync(file, 'kept\n')
  chmodSync(file, 0o666)
  const runtime = join(directory, 'runtime')
  if (!existsSync(runtime)) copyFileSync(process.execPath, runtime)
  const victim = spawn('/bin/sleep', ['600'], { stdio: 'ignore', uid: statSync(place).uid })
  cleanup.after(() => victim.kill('SIGKILL'))
  const pid = victim.pid ?? 0

  let reached = 0
  const listening = async (where: { host: string; port: number } | { path: string }): Promise<number> => {
    const server = createServer((socket) => {
      reached += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(where, resolve))
    cleanup.after(() => server.close())
    const address = server.address()
    return typeof address === 'object' && address ? address.port : 0
  }
  const [socket, abstract] = [join(place, 'socket'), randomBytes(8).toString('hex')]
  const tcpPort = await listening({ host: '127.0.0.1', port: 0 })
  await listening({ path: socket })
  await listening({ path: `\0${abstract}` })
  chmodSync(socket, 0o777)
  const udp = createSocket('udp4').on('message', () => {
    reached += 1
  })
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve))
  cleanup.after(() => udp.close())
  const targets: Targets = {
    directory: place,
    file,
    pid,
    tcpPort,
    udpPort: udp.address().port,
    socket,
    abstract,
    runtime,
  }

  const look = () => {
    const stat = existsSync(file) ? statSync(file) : undefined
    const proc = (name: string) =>
      existsSync(`/proc/${pid}/${name}`) ? readFileSync(`/proc/${pid}/${name}`, 'utf8') : 'gone'
    const state = proc('stat').split(') ')[1]?.split(' ') ?? []
    return {
      names: readdirSync(place).sort(),
      file: stat && {
        text: readFileSync(file, 'utf8'),
        mode: stat.mode,
        at: stat.mtimeMs,
        links: stat.nlink,
        uid: stat.uid,
      },
      process: {
        state: state[0]?.replace('R', 'S'),
        nice: state[16],
        oom: proc('oom_score_adj'),
        limits: proc('limits'),
      },
      reached,
    }
  }
  return { targets, look }
}

/** The line where nothing holds it. */
const runUnheld = (line: string): Promise<void> =>
  new Promise((resolve) => {
    execFile('/bin/bash', ['-c', line], { timeout: 10_000 }, () => resolve())
  })

describe('without a sandbox', () => {
  const cleanup = createCleanup()
  after(cleanup.run)
  test('each attack changes what is looked at', async () => {
    const { work, root } = makeHome()
    cleanup.removeAfter(root)
    for (const { name, line } of ATTACKS) {
      const { targets, look } = await makeTargets(work, cleanup)
      const unchanged = JSON.stringify(look())
      await runUnheld(line(targets))
      for (let i = 0; i < 20 && JSON.stringify(look()) === unchanged; i++)
        await new Promise((wake) => setTimeout(wake, 20))
      assert.notEqual(JSON.stringify(look()), unchanged, name)
      signal(targets.pid, 'SIGKILL')
    }
  })
})

for (const account of ACCOUNTS) {
  describe(`the read lane of ${account.name}`, { skip: account.skip }, () => {
    const cleanup = createCleanup()
    let booted: Booted
    let host: Host
    before(async () => {
      booted = await bootCentral(cleanup)
      host = await startHost(cleanup, booted, account.uid === undefined ? {} : { uid: account.uid })
    })
    after(cleanup.run)

    const contained = async () =>
      (await booted.central.fleet.get(booted.workspaceId, host.serverId))?.lanes.some(
        ({ name, isolation }) => name === 'read' && isolation !== 'none',
      ) ?? false

    /** Past the classifier and everything else that Central would ask. */
    async function lane(line: string) {
      const chunks: Buffer[] = []
      const run = await booted.central.relay.call(
        host.serverId,
        'commands.read',
        { line, timeoutMs: 10_000 },
        { onOutput: async (_offset, data) => void chunks.push(Buffer.from(data)) },
      )
      const succeeded = run.state === 'RUN_STATE_EXITED' && run.exitCode === 0
      return { ...run, succeeded, output: Buffer.concat(chunks).toString('utf8') }
    }

    test('says which isolation it has, and refuses where it has none', async (t) => {
      if (await contained()) return t.diagnostic('bubblewrap')
      const refused = await lane('true').catch((error: unknown) => error)
      assert.ok(refused instanceof CatalogueError)
      assert.equal(refused.code, 'POLICY_DENIED')
      t.diagnostic('nothing contains a command here, so none is run without approval')
    })

    verifies('sandbox:holds-alone', `no attack changes anything (${account.name})`, async (t) => {
      if (!(await contained())) return t.skip('no isolation on this machine: every read is refused, see above')
      const { targets, look } = await makeTargets(host.home.work, cleanup)
      const alive = await lane(`${targets.runtime} -e 'console.log(6 * 7)'`)
      assert.equal(alive.output, '42\n', 'the runtime of the attacks works inside')
      const unchanged = look()
      for (const { name, line } of ATTACKS) {
        await lane(line(targets))
        assert.deepEqual(look(), unchanged, name)
      }
      await new Promise((wake) => setTimeout(wake, 500))
      assert.deepEqual(look(), unchanged, 'nothing is done later')
    })

    verifies('sandbox:holds-alone', `nothing is left in any place (${account.name})`, async (t) => {
      if (!(await contained())) return t.skip('no isolation on this machine: every read is refused, see above')
      const name = `mttrly-test-${randomBytes(8).toString('hex')}`
      const places = [...PLACES, process.cwd(), booted.dataDir, host.home.data, host.home.config, host.home.work]
      const line = places.map((place) => `touch ${place}/${name}; mkdir ${place}/${name}.d`).join('; ')
      await lane(`${line}; true`)
      const left = places.flatMap((place) => globSync(`${place}/${name}*`))
      assert.deepEqual(left, [])
    })

    verifies('sandbox:holds-alone', `no way out (${account.name})`, async (t) => {
      if (!(await contained())) return t.skip('no isolation on this machine: every read is refused, see above')
      for (const line of ESCAPES) assert.equal((await lane(line)).succeeded, false, line)
      for (const pid of [host.pid(), process.pid]) assert.equal((await lane(`kill -0 ${pid}`)).succeeded, false)
      for (const path of ['/run/dbus/system_bus_socket', '/run/systemd/private', '/var/run/docker.sock']) {
        assert.equal((await lane(`curl -s --max-time 2 --unix-socket ${path} http://x/`)).succeeded, false, path)
      }
    })

    verifies('sandbox:hides-secrets', `secrets cannot be read (${account.name})`, async (t) => {
      if (!(await contained())) return t.skip('no isolation on this machine: every read is refused, see above')
      const files = [booted.dataDir, host.home.data].flatMap((directory) =>
        globSync(`${directory}/**/*`).filter((path) => statSync(path).isFile() && statSync(path).size > 0),
      )
      assert.ok(
        files.some((path) => path.endsWith('central.db')) && files.some((path) => path.startsWith(host.home.data)),
      )
      const proc = `/proc/${host.pid()}`
      const own = ['environ', 'mem', 'maps', 'stack', 'fd/3', 'cwd/etc/shadow', 'root/etc/shadow'].map(
        (name) => `${proc}/${name}`,
      )
      const paths = ['/etc/shadow', '/etc/gshadow', ...own, ...files]
      const read = await lane(paths.map((path) => `head -c 100 '${path}' 2>/dev/null | wc -c`).join('; '))
      const seen = read.output.trim().split('\n')
      assert.deepEqual(
        paths.filter((_path, i) => seen[i]?.trim() !== '0'),
        [],
      )
      const directories = [booted.dataDir, host.home.data]
      const listed = await lane(
        `ls -A ${directories.join(' ')} 2>/dev/null | grep -c -e key -e db; readlink ${proc}/fd/*`,
      )
      assert.equal(listed.output.trim(), '0')
    })
  })
}
