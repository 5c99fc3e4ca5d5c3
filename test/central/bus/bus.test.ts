import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type AgentCall, createLocalBus, type JsonValue } from '../../../central/bus/bus.ts'

const call: AgentCall = {
  serverId: 's1',
  id: 'r1',
  method: 'commands.read',
  body: Buffer.from('x'),
  startBefore: 1,
  outputFrom: 0,
}
const io = () => ({ signal: new AbortController().signal })

test('a call without a holder says so', async () => {
  assert.deepEqual(await createLocalBus().call(call, io()), { kind: 'no_holder' })
})

test('a call reaches the holder and its output comes back in order', async () => {
  const bus = createLocalBus()
  bus.serve('s1', async (received, { onOutput }) => {
    await onOutput(0, Buffer.from('a'))
    await onOutput(1, Buffer.from('b'))
    return { kind: 'body', body: received.body }
  })
  const output: string[] = []
  const answer = await bus.call(call, {
    ...io(),
    onOutput: async (offset, data) => void output.push(`${offset}${data}`),
  })
  assert.deepEqual(answer, { kind: 'body', body: Buffer.from('x') })
  assert.deepEqual(output, ['0a', '1b'])
})

test('a holder that stops late does not remove its successor', async () => {
  const bus = createLocalBus()
  const stopFirst = bus.serve('s1', async () => ({ kind: 'lost' }))
  const stopSecond = bus.serve('s1', async () => ({ kind: 'body', body: Buffer.from('second') }))
  stopFirst()
  assert.equal((await bus.call(call, io())).kind, 'body')
  stopSecond()
  assert.equal((await bus.call(call, io())).kind, 'no_holder')
})

test('acknowledgements reach the holder, and nobody else', async () => {
  const bus = createLocalBus()
  const heard: string[] = []
  bus.serve(
    's1',
    async () => ({ kind: 'lost' }),
    (id) => heard.push(id),
  )
  await bus.acknowledge('s1', 'r1')
  await bus.acknowledge('s2', 'r2')
  assert.deepEqual(heard, ['r1'])
})

test('messages come in order, as copies, after the publisher has gone on', async () => {
  const bus = createLocalBus()
  const heard: JsonValue[] = []
  const stop = bus.subscribe('t', (message) => heard.push(message))
  const message = { n: 1 }
  bus.publish('t', message)
  message.n = 2
  bus.publish('t', message)
  assert.deepEqual(heard, [])
  await turn()
  assert.deepEqual(heard, [{ n: 1 }, { n: 2 }])
  stop()
  bus.publish('t', { n: 3 })
  await turn()
  assert.equal(heard.length, 2)
})

test('a subscriber that throws keeps no other from hearing', async () => {
  const faults: unknown[] = []
  const bus = createLocalBus((fault) => faults.push(fault))
  let heard = 0
  bus.subscribe('t', () => {
    throw new Error('broken')
  })
  bus.subscribe('t', () => heard++)
  bus.publish('t', 1)
  await turn()
  assert.equal(heard, 1)
  assert.equal(faults.length, 1)
})
