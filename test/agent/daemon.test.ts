import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { CAPABILITY_VERSION } from '#proto/contract/capability-version.ts'
import { type Connected, type FakeCentral, startFakeCentral } from '../helpers/fake-central.ts'
import {
  type AgentHome,
  enrolWith,
  makeAgentHome,
  type RealAgent,
  removeAgentHome,
  startAgent,
} from '../helpers/real-agent.ts'

describe('the agent as a process', () => {
  let central: FakeCentral
  let home: AgentHome
  let agent: RealAgent
  let link: Connected

  before(async () => {
    central = await startFakeCentral()
    home = makeAgentHome()
    await enrolWith(central, home)
    agent = startAgent(home)
    link = await central.agent(1)
  })
  after(async () => {
    agent.signal('SIGTERM')
    await agent.exited
    await central.stop()
    removeAgentHome(home)
  })

  it('says hello with what its lanes are worth', () => {
    assert.equal(link.hello.capabilityVersion, CAPABILITY_VERSION)
    assert.deepEqual(link.hello.lanes, [
      { name: 'read', isolation: 'ISOLATION_BUBBLEWRAP' },
      { name: 'act', isolation: 'ISOLATION_NONE' },
    ])
    assert.match(link.hello.machineIdHash, /^([0-9a-f]{64})?$/)
    assert.equal(link.hello.shell, '/bin/bash')
  })

  it('keeps its key to itself', () => {
    assert.equal(statSync(join(home.data, 'identity.json')).mode & 0o777, 0o600)
    assert.equal(statSync(home.data).mode & 0o777, 0o700)
  })

  it('beats with the host it runs on', async () => {
    const { heartbeat } = await link.frame((frame) => frame.frame === 'heartbeat')
    assert.ok(heartbeat && heartbeat.memoryTotal > heartbeat.memoryAvailable && heartbeat.cpus > 0)
    assert.ok(heartbeat.disks.some(({ mount, total }) => mount === '/' && total > 0))
  })

  it('runs a line in the read lane, both outputs in the order written', async () => {
    const { body, output } = await link.request('commands.read', {
      line: 'echo one; echo two >&2; echo three > /dev/stderr; exit 4',
    })
    assert.equal(output.toString(), 'one\ntwo\nthree\n')
    assert.equal(body?.state, 'RUN_STATE_EXITED')
    assert.equal(body?.exitCode, 4)
    assert.equal(body?.isolation, 'ISOLATION_BUBBLEWRAP')
    assert.equal(body?.outputBytes, output.length)
    assert.equal(body?.outputKept, output.length)
  })

  it('redacts before a byte leaves', async () => {
    const secret = `ghp_${'A1b2C3d4E5f6'.repeat(3)}`
    const { body, output } = await link.request('commands.read', { line: `echo token=${secret}` })
    assert.ok(!output.toString().includes(secret))
    assert.match(output.toString(), /\[redacted:/)
    assert.equal(body?.redactions, 1)
  })

  it('runs a granted command once, whatever is repeated', async () => {
    const counter = join(home.root, 'counter')
    const { id, request } = central.granted({ argv: ['/bin/sh', '-c', `echo ran >> ${counter}; echo done`] })
    const asked = link.request('commands.act', request, { id })
    link.repeat(id)
    const answered = await asked
    assert.equal(answered.body?.state, 'RUN_STATE_EXITED')
    const again = await link.request('commands.act', request, { id })
    assert.deepEqual(again.body, answered.body)
    assert.equal(again.output.toString(), 'done\n')
    const part = await link.request('commands.act', { ...request, outputFrom: 2 }, { id })
    assert.equal(part.output.toString(), 'ne\n')
    assert.deepEqual(part.offsets, [2])
    assert.equal(readFileSync(counter, 'utf8'), 'ran\n')
    link.send({ acknowledge: { requestId: id } })
  })
})
