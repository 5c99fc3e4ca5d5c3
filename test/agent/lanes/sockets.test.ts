// Lanes behind sockets, without systemd: a server here does what Accept=yes does. The guest tests do it with the real one.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createLanes } from '../../../agent/lanes/lanes.ts'
import { connectLane } from '../../../agent/lanes/sockets.ts'
import { openPaths, ownUnit } from '../../../agent/lanes/unit.ts'
import { cgroupOf, isAloneIn, isInCgroup } from '../../../agent/process/process-table.ts'
import { collect, type LaneHome, makeLaneHome, outcomeOf } from '../../helpers/lane.ts'

const PROGRAM = fileURLToPath(new URL('../../../agent/lanes/main.ts', import.meta.url))

describe('lanes behind sockets', () => {
  let home: LaneHome
  let directory = ''
  let lanes: ReturnType<typeof createLanes>
  const servers: Server[] = []
  const started: string[] = []

  const accept = (name: 'read' | 'act', ...more: string[]): Promise<void> =>
    new Promise((resolve) => {
      const server = createServer({ pauseOnConnect: true }, (socket) => {
        started.push(name)
        const child = spawn(process.execPath, [PROGRAM, name, ...home.args, ...more], {
          stdio: [socket, socket, 'ignore'],
          env: {},
        })
        child.once('spawn', () => socket.destroy())
      })
      servers.push(server)
      server.listen(join(directory, `${name}.sock`), resolve)
    })
  before(async () => {
    home = makeLaneHome()
    directory = join(home.root, 'sockets')
    mkdirSync(directory)
    await accept('read')
    await accept('act')
    const start = (): never => assert.fail('nothing is started here')
    lanes = createLanes({ start, args: [], compileCache: '', connect: connectLane(directory) })
  })
  after(async () => {
    await lanes.stop()
    for (const server of servers) server.close()
    await home.remove()
  })

  it('answer as a companion does, and some are opened before they are asked for', async () => {
    const io = collect()
    const outcome = outcomeOf(await lanes.read({ id: 'x', line: 'echo one; exit 3', timeoutMs: 20_000 }, io))
    assert.deepEqual([outcome.state, outcome.exitCode, io.text()], ['RUN_STATE_EXITED', 3, 'one\n'])
    while (started.length < 3) await new Promise((resolve) => setImmediate(resolve))
    const again = collect()
    outcomeOf(await lanes.read({ id: 'y', line: 'echo two', timeoutMs: 20_000 }, again))
    assert.equal(again.text(), 'two\n')
  })
  it('run what is granted, and settle it', async () => {
    const { words } = home.signed({ argv: ['/bin/echo', 'granted'] })
    const ran = outcomeOf(await lanes.act('run', words, collect()))
    const io = collect()
    assert.deepEqual(outcomeOf(await lanes.act('settle', words, io)), ran)
    assert.equal(io.text(), 'granted\n')
  })
  it('are ended by a cancel', async () => {
    const cancel = new AbortController()
    const io = { signal: cancel.signal, onOutput: async () => cancel.abort() }
    const outcome = outcomeOf(await lanes.read({ id: 'z', line: 'echo on; sleep 60', timeoutMs: 60_000 }, io))
    assert.equal(outcome.state, 'RUN_STATE_CANCELLED')
  })
  it('are lost, and not replaced, where there is no socket', async () => {
    const none = createLanes({
      start: () => assert.fail('no companion takes its place'),
      args: [],
      compileCache: '',
      connect: connectLane(join(home.root, 'nowhere')),
    })
    assert.deepEqual(await none.read({ id: 'x', line: 'true', timeoutMs: 1_000 }, collect()), { kind: 'lost' })
    await none.stop()
  })
  it('do not work as a unit outside of one', async () => {
    const outside = join(home.root, 'outside')
    mkdirSync(outside)
    directory = outside
    await accept('read', '--unit')
    const pretending = createLanes({
      start: () => assert.fail('no companion takes its place'),
      args: [],
      compileCache: '',
      connect: connectLane(outside),
    })
    assert.deepEqual(await pretending.read({ id: 'x', line: 'true', timeoutMs: 1_000 }, collect()), { kind: 'lost' })
    await pretending.stop()
  })
})

describe('a unit', () => {
  const cases: [text: string, cgroup: string | undefined][] = [
    ['0::/system.slice/a.service\n', '/system.slice/a.service'],
    ['9:name=systemd:/a\n4:memory:/other\n0::/b\n', '/a'],
    ['1:name=systemd:/with:colon\n', '/with:colon'],
    ['4:memory:/other\n', undefined],
  ]
  it('is known by its cgroup, on both versions', () => {
    const home = makeLaneHome()
    const place = (pid: number, text: string): void => {
      mkdirSync(join(home.root, String(pid)), { recursive: true })
      writeFileSync(join(home.root, String(pid), 'cgroup'), text)
    }
    for (const [index, [text, cgroup]] of cases.entries()) {
      place(index + 1, text)
      assert.equal(cgroupOf(index + 1, home.root), cgroup)
    }
    place(7, '0::/system.slice/a.service/below\n')
    place(8, '0::/system.slice/a.services\n')
    const inside = [1, 7, 8, 9].filter((pid) => isInCgroup(pid, '/system.slice/a.service', home.root))
    assert.deepEqual(inside, [1, 7])
    return home.remove()
  })
  it('holds nobody else when its list says so, and its children’s are none', () => {
    const home = makeLaneHome()
    const unit = '/system.slice/a.service'
    const hold = (tree: string, ...pids: number[]): string => {
      const directory = join(home.root, tree, unit)
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''))
      return directory
    }
    assert.equal(isAloneIn(unit, home.root), false)
    for (const tree of ['systemd', '.']) {
      const directory = hold(tree, process.pid)
      assert.equal(isAloneIn(unit, home.root), true)
      hold(tree, process.pid, 4711)
      assert.equal(isAloneIn(unit, home.root), false)
      hold(tree, process.pid)
      mkdirSync(join(directory, 'below'))
      assert.equal(isAloneIn(unit, home.root), false)
    }
    return home.remove()
  })
  it('is the lane’s own', () => {
    const unit = '/system.slice/system-x.slice/mttrly-lane-act@3-12-0.service'
    assert.equal(ownUnit('act', unit), unit)
    const others = [
      '/',
      '/system.slice/mttrly-lane-read@3.service',
      `${unit}/below`,
      '/mttrly-lane-act@.slice',
      undefined,
    ]
    for (const other of others) assert.throws(() => ownUnit('act', other ?? ''))
  })
  it('leaves open what can be read from it', () => {
    assert.deepEqual(openPaths(['/etc/passwd', '/nowhere/at/all', '/etc']), ['/etc/passwd', '/etc'])
  })
})
