// How a run ends: by itself, by its time limit, by a cancel; and what is left of it on the host.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { LIMITS } from '#proto/contract/limits.ts'
import { until } from '../helpers/fleet.ts'
import { startHost } from './host.ts'
import { processesWith, signal } from './processes.ts'
import { verifies } from './requirements.ts'
import { startWorld, type World } from './world.ts'

const NOBODY = 65_534

let world: World
before(async () => {
  world = await startWorld()
})
after(() => world?.stop())

const runOf = (id: string) => processesWith(`MTTRLY_RUN=${id}`)

/** Children that ignore a polite request, a background job, and one that leaves its session. */
const TREE = `trap '' TERM; sleep 301 & (sleep 302; true) & setsid sh -c 'trap "" TERM; sleep 303; true' & echo up; sleep 304; true`

for (const terminal of [false, true]) {
  const how = terminal ? ' on a terminal' : ''

  verifies('runs:the-tree-ends', `the time limit ends all of a run${how}, also what has left its session`, async () => {
    const id = await world.ask(TREE, { timeout_s: 2, terminal })
    await world.approve(id)
    await until(() => runOf(id).some(({ command }) => command.startsWith('sleep 303')))
    const end = await world.ended(id)
    assert.equal(end.status, 'timed_out')
    assert.equal(end.survivors, undefined)
    assert.match(String(end.output), /^up/)
    assert.deepEqual(runOf(id), [])
  })

  verifies('runs:the-tree-ends', `a cancel ends all of a run${how}`, async () => {
    const id = await world.ask(TREE, { timeout_s: 600, terminal })
    await world.approve(id)
    await until(() => runOf(id).some(({ command }) => command.startsWith('sleep 303')))
    const answer = await world.mcp.value('cancel_action', { action_id: id })
    assert.equal(answer.status, 'cancelled')
    assert.equal(answer.survivors, undefined)
    assert.deepEqual(runOf(id), [])
    assert.equal((await world.ended(id)).status, 'cancelled')
  })
}

test('a read that is cancelled by its time limit says so in the answer', async () => {
  const answer = await world.mcp.value('execute_command', { ...server(), command: 'vmstat 1 300', timeout_s: 1 })
  assert.equal(answer.status, 'timed_out')
  assert.match(String(answer.output), /procs/)
})

const server = () => ({ server_id: world.host.serverId })

test('exit codes and signals are told as they were', async () => {
  const cases = [
    ['exit 7', { status: 'failed', exit_code: 7 }],
    ['kill -9 $$', { status: 'failed', signal: 'SIGKILL' }],
    ['no-such-program-here; true', { status: 'succeeded', exit_code: 0 }],
  ] as const
  for (const [command, wanted] of cases) {
    const id = await world.ask(command)
    await world.approve(id)
    const { status, exit_code, signal } = await world.ended(id)
    assert.deepEqual(
      { status, ...(exit_code !== undefined && { exit_code }), ...(signal !== undefined && { signal }) },
      wanted,
    )
  }
})

verifies(
  'runs:survivors-are-reported',
  'what the agent may not end is reported',
  async () => {
    // An agent without rights, and a program on its host that gets itself the rights of root.
    const host = await startHost(world, world.booted, { uid: NOBODY })
    const becomeRoot = host.work('become-root')
    copyFileSync('/usr/bin/setpriv', becomeRoot)
    chmodSync(becomeRoot, 0o4755)
    const command = `${becomeRoot} --reuid=0 --regid=0 --clear-groups sleep 305`
    const asked = await world.mcp.value('execute_command', { server_id: host.serverId, command, timeout_s: 2 })
    const id = String(asked.action_id)
    await world.approve(id)
    const end = await world.ended(id)
    try {
      assert.equal(end.status, 'timed_out')
      const survivors = end.survivors as { pid: number; command: string }[]
      assert.equal(survivors.length, 1)
      assert.match(survivors[0]?.command ?? '', /sleep 305$/)
      assert.ok(existsSync(`/proc/${survivors[0]?.pid}`))
    } finally {
      for (const { pid } of runOf(id)) signal(pid, 'SIGKILL')
    }
  },
  { skip: whyNoSurvivor() },
)

function whyNoSurvivor(): string | false {
  if (process.getuid?.() !== 0) return 'only root can make a program that an agent may not end'
  if (!existsSync('/usr/bin/setpriv')) return 'setpriv is not installed'
  const asNobody = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', 'test', '-r']
  const { status } = spawnSync('/usr/bin/setpriv', [...asNobody, join(process.cwd(), 'agent/main.ts')])
  return status === 0 ? false : 'another account cannot read this checkout'
}

verifies(
  'runs:nothing-later-by-surprise',
  'what was approved for a server that is away is never started late',
  async () => {
    const path = world.host.work('late')
    const id = await world.ask(`touch ${path}`)
    await world.host.stop()
    // A grant may be started within a minute; for the host, this one's minute is over.
    world.clock.advance(-2 * LIMITS.startWithin)
    await world.approve(id)
    await until(async () => (await world.mcp.value('get_action_result', { action_id: id })).status === 'running')
    world.clock.advance(2 * LIMITS.startWithin)
    world.host.start()
    const end = await world.ended(id)
    assert.equal(end.status, 'failed')
    assert.match(String(end.detail), /^Nothing was executed\./)
    assert.equal(existsSync(path), false)
  },
)
