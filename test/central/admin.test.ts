// The administrator's command line as a process, on records of its own.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startCentral } from '../../central/app.ts'
import { configOf } from '../../central/config.ts'
import { type Ended, runProgram } from '../helpers/run-program.ts'

const ADMIN = fileURLToPath(new URL('../../central/admin.ts', import.meta.url))

let data: string
before(() => {
  data = mkdtempSync(join(tmpdir(), 'mttrly-admin-'))
})
after(() => rmSync(data, { recursive: true, force: true }))

const admin = (...args: string[]): Promise<Ended> =>
  runProgram(process.execPath, [ADMIN, '--data', data, '--public-url', 'https://central.example', ...args])

test('an invitation is printed as JSON and written down without its token', async () => {
  const { code, stdout } = await admin('member', 'invite', '--email', 'Ben@example.org', '--role', 'approver')
  assert.equal(code, 0)
  const said = JSON.parse(stdout)
  assert.deepEqual([said.email, said.role], ['ben@example.org', 'approver'])
  assert.match(said.invitation, /^https:\/\/central\.example\/join#[\w-]{43}$/)
  assert.ok(Date.parse(said.expires_at) > Date.now())
  const log = (await admin('audit', 'export')).stdout
  assert.match(log, /invitations/)
  assert.ok(!log.includes(said.invitation.split('#')[1]))
})

test('links begin with the address that Central was last started with, unless another is given', async (t) => {
  const own = mkdtempSync(join(tmpdir(), 'mttrly-admin-url-'))
  t.after(() => rmSync(own, { recursive: true, force: true }))
  const linkWith = async (...args: string[]): Promise<string> => {
    const { stdout } = await runProgram(process.execPath, [ADMIN, '--data', own, ...args, 'setup-link'])
    return new URL(JSON.parse(stdout).setup).origin
  }
  assert.equal(await linkWith(), 'http://localhost:8080', 'where it was never started')
  const central = await startCentral(configOf({ data: own, 'http-port': 0, 'grpc-port': 0, 'log-level': 'silent' }))
  await central.stop()
  assert.equal(await linkWith(), central.publicUrl)
  assert.equal(await linkWith('--http-port', '9090'), 'http://localhost:9090')
  assert.equal(await linkWith('--public-url', 'https://central.example'), 'https://central.example')
})

test('a directory that is not there is not made, and no log found to be in order', async () => {
  const mistyped = join(data, 'mistyped')
  const { code, stdout, stderr } = await runProgram(process.execPath, [ADMIN, '--data', mistyped, 'audit', 'verify'])
  assert.deepEqual([code, stdout, existsSync(mistyped)], [1, '', false])
  assert.match(stderr, /There is no Central in .*mistyped\. .*--data/)
})

const REFUSED: readonly [what: string, args: string[], says: RegExp][] = [
  [
    'the role owner',
    ['--email', 'a@example.org', '--role', 'owner'],
    /A person is invited as viewer, operator, approver/,
  ],
  ['no role', ['--email', 'a@example.org'], /--role is missing/],
  ['no address', ['--email', 'a', '--role', 'viewer'], /not an e-mail address/],
]

for (const [what, args, says] of REFUSED) {
  test(`with ${what} nobody is invited`, async () => {
    const { code, stdout, stderr } = await admin('member', 'invite', ...args)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, says)
    assert.doesNotMatch(stderr, /\n {4}at /)
  })
}

test('the authority is replaced step by step; what cannot be done now is refused and says what can', async () => {
  const first = JSON.parse((await admin('ca', 'status', '--json')).stdout)
  assert.deepEqual([first.step, first.authorities.length, first.servers], ['prepare', 1, []])
  const early = await admin('ca', 'retire')
  assert.deepEqual([early.code, early.stdout], [1, ''])
  assert.match(early.stderr, /no old authority to retire\. What can be done now: ca prepare/)
  for (const [step, says] of [
    ['prepare', /Restart Central now: agents are told of it.*Next step: ca switch; it would cut off no server/s],
    ['switch', /count until it is retired.*Until then nobody is enrolled.*Next step: ca retire/s],
    ['retire', /counts no longer.*Next step: ca prepare/s],
  ] as const) {
    const { code, stdout, stderr } = await admin('ca', step)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, says)
  }
  assert.match((await admin('ca', 'switch', '--lose', 'many')).stderr, /--lose takes a number/)
  const last = JSON.parse((await admin('ca', 'status', '--json')).stdout)
  assert.equal(last.authorities.length, 1)
  assert.notEqual(last.authorities[0].fingerprint, first.authorities[0].fingerprint)
  const lines = (await admin('audit', 'export')).stdout.trim().split('\n')
  const steps = lines.flatMap((line) => JSON.parse(JSON.parse(line).body).details?.step ?? [])
  assert.deepEqual(steps, ['prepare', 'switch', 'retire'])
})
