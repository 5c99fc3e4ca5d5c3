import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { createFailures, type Failures } from '../../../central/identity/failures.ts'
import { stillClock } from '../../helpers/principals.ts'
import { createOwner, createPeople, OWNER, requestWith } from './people.ts'

function counter() {
  const clock = stillClock()
  const lines: Failures[] = []
  const state: { fault?: Error } = {}
  const write = async (failures: Failures) => {
    if (state.fault) throw state.fault
    lines.push(failures)
  }
  return { clock, lines, state, failures: createFailures({ clock, log: pino({ enabled: false }), write }) }
}

test('the first is told at once, those of the next minute together, each account apart', async () => {
  const { failures, lines, clock } = counter()
  const add = (userId: string | undefined, address = 'a') => failures.add({ userId, address })
  for (let at = 0; at < 100; at++) add(undefined)
  add('usr_1', 'b')
  assert.deepEqual(lines, [
    { userId: undefined, attempts: 1, address: 'a' },
    { userId: 'usr_1', attempts: 1, address: 'b' },
  ])
  clock.advance(60_000)
  add(undefined, 'c')
  assert.deepEqual(lines[2], { userId: undefined, attempts: 100, address: 'c' })
  add('usr_1', 'd')
  add('usr_1', 'e')
  await failures.tell()
  assert.deepEqual(lines.slice(3), [
    { userId: 'usr_1', attempts: 1, address: 'd' },
    { userId: 'usr_1', attempts: 1, address: 'e' },
  ])
  await failures.tell()
  assert.equal(lines.length, 5)
})

test('what could not be written is counted on', async () => {
  const { failures, lines, state, clock } = counter()
  state.fault = new Error('disk full')
  failures.add({ userId: 'usr_1', address: 'a' })
  await new Promise(setImmediate)
  delete state.fault
  clock.advance(60_000)
  failures.add({ userId: 'usr_1', address: 'a' })
  assert.deepEqual(lines, [{ userId: 'usr_1', attempts: 2, address: 'a' }])
})

test('wrong password, unknown name and wrong code are failures; what was typed is told nobody', async () => {
  const told: Failures[] = []
  const people = await createPeople({ on: { failures: async (failures) => void told.push(failures) } })
  const owner = await createOwner(people, { totp: true })
  const door = { address: '192.0.2.1', from: requestWith() }
  const { signIn } = people.identity
  await signIn.withPassword(OWNER, 'not the password', door)
  await signIn.withPassword('hunter2 typed as a name', 'x', door)
  await signIn.withPasskey({ nonsense: true }, door)
  people.clock.advance(61_000)
  await people.identity.prune()
  assert.deepEqual(told, [
    { userId: owner.id, attempts: 1, address: '192.0.2.1' },
    { userId: undefined, attempts: 1, address: '192.0.2.1' },
    { userId: undefined, attempts: 1, address: '192.0.2.1' },
  ])
  await people.close()
})
