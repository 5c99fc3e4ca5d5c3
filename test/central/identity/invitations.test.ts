import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { PeopleLog } from '../../../central/identity/identity.ts'
import { createOwner, createPeople, createSecondOwner, OWNER, PASSWORD, type People, requestWith } from './people.ts'

const HOUR = 3_600_000
const CLEO = 'cleo@example.com'
const FROM = '192.0.2.1'

let people: People
let workspaceId: string
let owner: { id: string }
/** What the audit log was told, or a reason why it cannot be told anything. */
let told: unknown[]
let full: Error | undefined
const joining: PeopleLog['joining'] = async (account, { id }) => {
  if (full) throw full
  told.push({ ...account, id: 'made', invitation: id.slice(0, 4) })
}

beforeEach(async () => {
  told = []
  full = undefined
  people = await createPeople({ on: { joining } })
  owner = await createOwner(people)
  workspaceId = await people.firstWorkspace()
})
afterEach(() => people.close())

const invite = (changes: { email?: string; role?: string } = {}) =>
  people.identity.invitations.invite({ email: CLEO, role: 'approver', workspaceId, invitedBy: owner.id, ...changes })

async function tokenFor(changes: { email?: string; role?: string } = {}): Promise<string> {
  const made = await invite(changes)
  assert.ok('link' in made)
  const url = new URL(made.link)
  assert.equal(url.origin + url.pathname + url.search, 'http://localhost:4000/join')
  return url.hash.slice(1)
}

const join = (token: string, password = PASSWORD, address = FROM) =>
  people.identity.invitations.join({ token, password, address })

const refusal = (answer: object) => ('refused' in answer ? answer.refused : 'none')

test('the link makes a member of the role that it names, once, and its token is nowhere', async () => {
  const token = await tokenFor({ email: 'Cleo@Example.com' })
  const looked = await people.identity.invitations.look(token, FROM)
  assert.deepEqual('role' in looked && [looked.email, looked.role], [CLEO, 'approver'])
  const account = await join(token)
  assert.ok('id' in account)
  assert.deepEqual([account.email, account.role, account.workspaceId], [CLEO, 'approver', workspaceId])
  assert.deepEqual(told, [{ email: CLEO, role: 'approver', workspaceId, id: 'made', invitation: 'inv_' }])
  const result = await people.identity.signIn.withPassword(CLEO, PASSWORD, { address: FROM, from: requestWith() })
  assert.equal(result.kind, 'signed_in')
  const again = await join(token)
  assert.deepEqual(again, { refused: 'link', why: 'This invitation has been used. If it was you, sign in.' })
  const rows = await people.db.kysely.selectFrom('invitations').selectAll().execute()
  assert.ok(!JSON.stringify(rows).includes(token))
})

test('two people with the same link at the same moment: one member', async () => {
  const token = await tokenFor()
  const answers = await Promise.all([join(token), join(token, 'five unrelated words are here')])
  assert.deepEqual(answers.map(refusal).toSorted(), ['link', 'none'])
})

test('looking, a weak password and a full audit log use nothing up; without its line nobody joins', async () => {
  const token = await tokenFor()
  assert.equal(refusal(await join(token, 'short')), 'password')
  assert.equal(refusal(await join(token, CLEO)), 'password')
  full = new Error('disk full')
  await assert.rejects(join(token), full)
  assert.equal(await people.identity.accounts.find(CLEO), undefined)
  full = undefined
  assert.equal(refusal(await join(token)), 'none')
})

test('an expired and a withdrawn link say so', async () => {
  const { invitations } = people.identity
  const token = await tokenFor()
  const [listed] = await invitations.open(workspaceId)
  assert.deepEqual([listed?.email, listed?.invitedBy?.email], [CLEO, OWNER])
  assert.equal(await invitations.withdraw('wsp_other', listed?.id ?? ''), false)
  assert.equal(await invitations.withdraw(workspaceId, listed?.id ?? ''), true)
  assert.deepEqual(await invitations.open(workspaceId), [])
  assert.match(JSON.stringify(await join(token)), /was withdrawn/)
  const late = await tokenFor()
  people.clock.advance(24 * HOUR)
  assert.match(JSON.stringify(await join(late)), /has expired/)
  people.clock.advance(31 * 24 * HOUR)
  await people.identity.prune()
  assert.match(JSON.stringify(await join(late)), /not known here/)
})

for (const role of ['owner', 'admin', '', 'Approver']) {
  test(`nobody is invited as ${JSON.stringify(role)}`, async () => {
    assert.equal(refusal(await invite({ role })), 'role')
  })
}

test('neither a bad address nor one that has an account is invited', async () => {
  assert.equal(refusal(await invite({ email: 'not an address' })), 'email')
  assert.equal(refusal(await invite({ email: OWNER.toUpperCase() })), 'taken')
})

test('an account that was made meanwhile is not touched', async () => {
  const token = await tokenFor()
  const made = await people.identity.accounts.createUser({
    email: CLEO,
    password: PASSWORD,
    role: 'viewer',
    workspaceId,
  })
  assert.equal(refusal(await join(token, 'five unrelated words are here')), 'taken')
  assert.deepEqual(await people.identity.accounts.find(CLEO), made)
})

test('what a disabled owner has invited is of no use', async () => {
  const token = await tokenFor()
  await createSecondOwner(people)
  assert.equal(await people.identity.accounts.setDisabled(owner.id, true), true)
  assert.match(JSON.stringify(await join(token)), /was withdrawn/)
})

test('tokens are guessed twenty times, then the address waits; those who have one are not counted', async () => {
  const token = await tokenFor()
  for (let at = 0; at < 30; at++) assert.equal(refusal(await people.identity.invitations.look(token, FROM)), 'none')
  for (let at = 0; at < 20; at++) assert.equal(refusal(await join(`guess${at}`)), 'link')
  assert.equal(refusal(await join('guess')), 'throttled')
  assert.equal(refusal(await join(token)), 'throttled')
  assert.equal(refusal(await join(token, PASSWORD, '192.0.2.2')), 'none')
})
