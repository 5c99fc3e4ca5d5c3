import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import { CatalogueError } from '#proto/contract/errors.ts'
import { createAudit } from '../../../central/audit/audit.ts'
import { createLocalBus } from '../../../central/bus/bus.ts'
import { createRunAction } from '../../../central/calls/run-action.ts'
import { createRunRead, INLINE_OUTPUT, PROMOTE_AFTER } from '../../../central/calls/run-read.ts'
import type { Fleet } from '../../../central/fleet/fleet.ts'
import type { Relay } from '../../../central/relay/relay.ts'
import { createActionsStore } from '../../../central/storage/actions.ts'
import { createAuditStore } from '../../../central/storage/audit.ts'
import type { Database } from '../../../central/storage/database.ts'
import type { ReadCommand } from '../../../central/tools/context.ts'
import { principal, stillClock } from '../../helpers/principals.ts'
import { forEachDatabase } from '../storage/for-each-database.ts'
import { seedWorkspace } from '../storage/seed.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const BIG = Buffer.alloc(INLINE_OUTPUT + 1, 'x')

const exited = {
  state: 'RUN_STATE_EXITED',
  exitCode: 0,
  signal: '',
  startedAt: 1,
  durationMs: 5,
  outputBytes: 3,
  outputSha256: 'a'.repeat(64),
  outputKept: 3,
  redactions: 0,
  survivors: [],
  isolation: 'ISOLATION_BUBBLEWRAP',
  detail: '',
}

type Options = NonNullable<Parameters<Relay['call']>[3]>

async function setUp(db: Database) {
  await seedWorkspace(db)
  const clock = stillClock()
  const bus = createLocalBus()
  const actions = createActionsStore(db)
  const audit = createAudit({ store: createAuditStore(db), clock, checkpointKey: privateKey })
  const log = pino({ level: 'silent' })
  let options: Options = {}
  const asked: [method: string, request: unknown][] = []
  const answer = Promise.withResolvers<unknown>()
  const relay = {
    call: (_server: string, method: string, request: unknown, given: Options) => {
      asked.push([method, request])
      options = given
      given.signal?.addEventListener('abort', () => answer.resolve({ ...exited, state: 'RUN_STATE_CANCELLED' }))
      if (given.signal?.aborted) answer.resolve({ ...exited, state: 'RUN_STATE_CANCELLED' })
      return answer.promise
    },
    acknowledge: async () => {},
  } as unknown as Relay
  const runRead = createRunRead({ relay, actions, audit, bus, clock, log })
  const fleet = {} as Fleet
  const runAction = createRunAction({
    actions,
    audit,
    relay,
    fleet,
    bus,
    clock,
    log,
    mustBePermitted: async () => {},
    actionKey: privateKey,
    dataKey: Buffer.alloc(32),
  })
  const caller = new AbortController()
  return {
    actions,
    audit,
    clock,
    runAction,
    caller,
    asked,
    read: (line = 'ls', verb?: ReadCommand['verb']) =>
      runRead({ principal: principal(), signal: caller.signal }, 'srv_1', { line, ...(verb && { verb }) }, 60_000),
    print: (offset: number, data: Buffer) => options.onOutput?.(offset, data),
    end: (run: unknown = exited) => answer.resolve(run),
    breakOff: (error: unknown) => answer.reject(error),
    async ended(id: string) {
      for (;;) {
        const action = await actions.get(id)
        if (action?.state !== 'running') return action
        await turn()
      }
    },
  }
}

async function promoted(t: Awaited<ReturnType<typeof setUp>>, line?: string): Promise<string> {
  const reading = t.read(line)
  await t.print(0, BIG)
  const ran = await reading
  assert.equal(ran.kind, 'action')
  return ran.kind === 'action' ? ran.actionId : ''
}

forEachDatabase('run-read', (open) => {
  test('a line goes to the read lane, a verb to its own', async () => {
    const line = await setUp(await open())
    const verb = await setUp(await open())
    const engine = await setUp(await open())
    const reading = [
      line.read('ls'),
      verb.read('journalctl -n 5', { lane: 'inspect', argv: ['journalctl', '-n', '5'] }),
      engine.read('docker ps', { lane: 'docker', argv: ['docker', 'ps'] }),
    ]
    for (const each of [line, verb, engine]) each.end()
    await Promise.all(reading)
    assert.deepEqual(line.asked, [['commands.read', { line: 'ls', timeoutMs: 60_000 }]])
    assert.deepEqual(verb.asked, [['inspect.run', { argv: ['journalctl', '-n', '5'], timeoutMs: 60_000 }]])
    assert.deepEqual(engine.asked, [['docker.run', { argv: ['docker', 'ps'], timeoutMs: 60_000 }]])
  })
  test('what is short is answered without a record', async () => {
    const t = await setUp(await open())
    const reading = t.read()
    await t.print(0, Buffer.from('out'))
    t.end()
    const ran = await reading
    assert.ok(ran.kind === 'ended' && ran.output.toString() === 'out' && ran.state === 'succeeded')
  })

  test('what prints much becomes an action that keeps every byte in order, and its end is written down', async () => {
    const t = await setUp(await open())
    const id = await promoted(t)
    await t.print(BIG.length, Buffer.from('tail'))
    t.end()
    assert.equal((await t.ended(id))?.state, 'succeeded')
    const end = BIG.length + 4
    assert.equal(await t.actions.outputEnd(id), end)
    assert.equal((await t.actions.readOutput(id, end - 5, 10)).toString(), 'xtail')
    const [line] = await t.audit.list('wsp_1', { limit: 1 })
    assert.equal(line?.body.event, 'action.finished')
    assert.equal(line?.body.action_id, id)
    assert.equal(line?.body.output?.sha256, exited.outputSha256)
  })

  test('the sweep does not end a read-only run that still goes on', async () => {
    const t = await setUp(await open())
    const id = await promoted(t)
    await t.runAction.sweep()
    assert.equal((await t.actions.get(id))?.state, 'running')
    t.end()
    assert.equal((await t.ended(id))?.state, 'succeeded')
  })

  test('a read-only run that a crash left behind has failed once its time is over', async () => {
    const t = await setUp(await open())
    const id = await promoted(t)
    t.clock.advance(60_000 + 30_001)
    await t.runAction.sweep()
    const action = await t.actions.get(id)
    assert.equal(action?.state, 'failed')
    assert.match(action?.outcome?.detail ?? '', /changed nothing/)
  })

  test('it can be cancelled by its id', async () => {
    const t = await setUp(await open())
    const id = await promoted(t)
    await t.runAction.cancel(id)
    assert.equal((await t.ended(id))?.state, 'cancelled')
  })

  test('it ends with a caller who leaves, or has left', async () => {
    const t = await setUp(await open())
    t.caller.abort()
    const ran = await t.read()
    assert.ok(ran.kind === 'ended' && ran.state === 'cancelled')
  })

  test('a secret in the line does not stand in its title', async () => {
    const t = await setUp(await open())
    const secret = `ghp_${'a1B2'.repeat(9)}`
    const id = await promoted(t, `grep ${secret} /var/log/syslog`)
    assert.ok(!(await t.actions.get(id))?.words.title.includes(secret))
  })

  test('when no record can be made, the call fails and the run ends', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const s = await setUp(await open())
    s.actions.insert = () => Promise.reject(new CatalogueError('CONNECTION_ERROR', { storage: 'full' }))
    const reading = s.read()
    t.mock.timers.tick(PROMOTE_AFTER)
    await assert.rejects(reading, { code: 'CONNECTION_ERROR' })
    assert.equal(s.caller.signal.aborted, false)
  })

  test('a lost stream after promotion leaves a record that says so', async () => {
    const t = await setUp(await open())
    const id = await promoted(t)
    t.breakOff(new CatalogueError('CONNECTION_ERROR', { lost: true }))
    assert.equal((await t.ended(id))?.state, 'failed')
  })
})
