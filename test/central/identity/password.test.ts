import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashPassword, passwordProblem, verifyPassword } from '../../../central/identity/password.ts'

test('a hash is a PHC string with the cost in it, and verifies its password alone', async () => {
  const hash = await hashPassword('correct horse battery')
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.equal(await verifyPassword('correct horse battery', hash), true)
  assert.equal(await verifyPassword('correct horse batterz', hash), false)
  assert.notEqual(await hashPassword('correct horse battery'), hash)
})

test('the published argon2id vector of another implementation verifies', async () => {
  // https://github.com/P-H-C/phc-winner-argon2/blob/master/src/test.c
  const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  assert.equal(await verifyPassword('password', hash), true)
})

test('nobody has a password, and a decoy is computed all the same', async () => {
  assert.equal(await verifyPassword('anything at all', null), false)
})

test('a stored hash that cannot be read is a fault, not a refusal', async () => {
  await assert.rejects(verifyPassword('x', '$2b$10$abc'), /cannot be read/)
})

const REFUSED = [
  ['too short', 'short one'],
  ['few characters', 'aaaaaaaaaaaaaaaa'],
  ['a run', 'abcdefghijklmno'],
  ['digits in a row', '1234567890123'],
  ['the obvious', 'password1234'],
  ['the product', 'mttrlymttrly!'],
  ['the address', 'maria.example1'],
  ['too long', 'long words '.repeat(30)],
] as const

for (const [what, password] of REFUSED) {
  test(`refused: ${what}`, () => assert.notEqual(passwordProblem(password, 'maria.example@example.com'), undefined))
}

test('four words are taken, in any alphabet', () => {
  assert.equal(passwordProblem('lamp river stone cloud', 'maria@example.com'), undefined)
  assert.equal(passwordProblem('лампа река камень', 'maria@example.com'), undefined)
})
