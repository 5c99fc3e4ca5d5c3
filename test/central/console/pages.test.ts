import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { verifyLines } from '../../../central/audit/chain.ts'
import { localPath } from '../../../central/console/door.ts'
import { DEFAULT_POLICY } from '../../../central/domain/policy.ts'
import { person, principal } from '../../helpers/principals.ts'
import { type Booted, bootConsole, type Person, server } from './boot-console.ts'

const booted: Booted[] = []
async function boot(): Promise<Booted> {
  const central = await bootConsole()
  booted.push(central)
  return central
}
after(() => Promise.all(booted.map((central) => central.close())))

/** The first address in the page that matches; the template escapes `=`. */
const addressIn = (body: string, pattern: RegExp): string => pattern.exec(body.replaceAll('&#61;', '='))?.[1] ?? ''

const get = ({ app }: Booted, who: Person, url: string) => app.inject({ url, headers: { cookie: who.cookie } })

/** A form sent by the page itself. */
const post = (
  { app }: Booted,
  who: Person,
  url: string,
  fields: Record<string, string> = {},
  headers: InjectOptions['headers'] = {},
) =>
  app.inject({
    method: 'POST',
    url,
    headers: {
      cookie: who.cookie,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    payload: new URLSearchParams({ csrf: who.csrf, ...fields }).toString(),
  })

const PAGES = ['/', '/servers/srv_1', '/servers/add', '/approvals', '/audit', '/audit.jsonl', '/settings', '/events']

test('without a session every page leads to the sign-in page and back', async () => {
  const central = await boot()
  for (const url of PAGES) {
    const answer = await central.app.inject({ url })
    assert.equal(answer.statusCode, 302, url)
    assert.equal(answer.headers.location, url === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(url)}`)
  }
})

test('a form without a session leads to the sign-in page, back to the page that it stood on', async () => {
  const { app, origin } = await boot()
  const from = (referer: string) => app.inject({ method: 'POST', url: '/approvals/act_1', headers: { referer } })
  assert.equal((await from(`${origin}/approvals/act_1`)).headers.location, '/sign-in?next=%2Fapprovals%2Fact_1')
  assert.equal((await from('https://evil.example/x')).headers.location, '/sign-in')
})

const NEXT: readonly [next: string | undefined, path: string][] = [
  ['/approvals/act_1?x=1', '/approvals/act_1?x=1'],
  ['/', '/'],
  [undefined, '/'],
  ['', '/'],
  ['https://evil.example/', '/'],
  ['//evil.example/', '/'],
  ['/\\evil.example/', '/'],
  ['/\t/evil.example', '/'],
  ['/..//evil.example', '/'],
  ['javascript:alert(1)', '/'],
  [' //evil.example', '/'],
]

for (const [next, path] of NEXT) {
  test(`after signing in, ${JSON.stringify(next)} leads to ${path}`, () => assert.equal(localPath(next), path))
}

test('pages are private, cannot be framed and run only this site’s scripts', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  for (const url of PAGES.filter((page) => page !== '/events')) {
    const { statusCode, headers } = await get(central, anna, url)
    assert.equal(statusCode, 200, url)
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.match(
      String(headers['content-security-policy']),
      /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/,
    )
  }
})

test('no page has inline scripts, styles or handlers', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const action = await central.ask()
  for (const url of [
    ...PAGES.slice(0, 5),
    '/settings',
    '/settings/invite',
    '/settings/members/usr_ben',
    `/approvals/${action.id}`,
  ]) {
    const { body } = await get(central, anna, url)
    assert.doesNotMatch(body, /<script(?![^>]*src="\/assets\/)|<style|\sstyle=|\son[a-z]+=|https?:\/\//i, url)
  }
})

const FOREIGN: readonly [what: string, fields: Record<string, string>, headers: Record<string, string>][] = [
  ['no token', { csrf: '' }, {}],
  ['a wrong token', { csrf: 'x'.repeat(43) }, {}],
  ['another site', {}, { 'sec-fetch-site': 'cross-site' }],
  ['a sister site', {}, { 'sec-fetch-site': 'same-site' }],
  ['an address bar', {}, { 'sec-fetch-site': 'none' }],
]

for (const [what, fields, headers] of FOREIGN) {
  test(`a form from ${what} changes nothing`, async () => {
    const central = await boot()
    const anna = await central.signIn('usr_anna')
    const { id, digest } = await central.ask()
    const form = { decision: 'reject', digest, ...fields }
    assert.equal((await post(central, anna, `/approvals/${id}`, form, headers)).statusCode, 403)
    assert.equal((await central.approvals.get('wsp_1', id)).state, 'pending_approval')
    assert.equal((await post(central, anna, '/servers/add', fields, headers)).statusCode, 403)
    assert.equal(central.fleet.tokens.length, 0)
  })
}

test('a browser without Fetch metadata is judged by its Origin', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const send = (origin: string) =>
    central.app.inject({
      method: 'POST',
      url: '/servers/add',
      headers: { cookie: anna.cookie, origin, 'content-type': 'application/x-www-form-urlencoded' },
      payload: `csrf=${anna.csrf}`,
    })
  assert.equal((await send('https://evil.example')).statusCode, 403)
  assert.equal((await send('null')).statusCode, 403)
  assert.equal((await send(central.origin)).statusCode, 200)
})

test('another session’s token is not this session’s', async () => {
  const central = await boot()
  const [anna, ben] = [await central.signIn('usr_anna'), await central.signIn('usr_ben')]
  assert.equal((await post(central, anna, '/servers/add', { csrf: ben.csrf })).statusCode, 403)
})

test('a person with a one-time code approves exactly what was shown', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const { id, digest } = await central.ask('systemctl restart nginx')
  const page = (await get(central, anna, `/approvals/${id}`)).body
  assert.match(page, /systemctl restart nginx/)
  assert.ok(page.includes(digest) && page.includes('23 bytes'))
  const answer = await post(central, anna, `/approvals/${id}`, { decision: 'approve', digest, code: anna.code() })
  assert.equal(answer.statusCode, 303)
  assert.equal(answer.headers.location, `/approvals/${id}`)
  const action = await central.approvals.get('wsp_1', id)
  assert.equal(action.state, 'approved')
  assert.deepEqual([action.decision?.by_user_id, action.decision?.proof], ['usr_anna', 'totp'])
  const decided = (await get(central, anna, `/approvals/${id}`)).body
  assert.match(decided, /Approved, not started/)
  assert.doesNotMatch(decided, /name="decision"/)
})

test('looking decides nothing, however often and with whatever in the address', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const { id, digest } = await central.ask()
  for (const query of [
    '',
    `?decision=approve&digest=${digest}&code=${anna.code()}&csrf=${anna.csrf}`,
    '?decision=reject',
  ]) {
    assert.equal((await get(central, anna, `/approvals/${id}${query}`)).statusCode, 200)
  }
  assert.equal((await central.approvals.get('wsp_1', id)).state, 'pending_approval')
})

type Attempt = { decision: string; digest: string; code: string }
const REFUSED: readonly [what: string, change: Partial<Attempt>, status: number, says: RegExp][] = [
  ['no code', { code: '' }, 422, /Enter a one-time code/],
  ['a wrong code', { code: '000000' }, 422, /was wrong, too old, or already used/],
  ['a recovery code', { code: 'abcd-efgh-ijkl' }, 422, /was wrong, too old, or already used/],
  ['a digest of something else', { digest: 'a'.repeat(64) }, 409, /not what is stored now. Nothing was approved/],
  ['no digest', { digest: '' }, 409, /not what is stored now/],
  ['no decision', { decision: 'maybe' }, 409, /Choose to approve or to reject/],
]

for (const [what, change, status, says] of REFUSED) {
  test(`approving with ${what} is refused in words, and the action still waits`, async () => {
    const central = await boot()
    const anna = await central.signIn('usr_anna')
    const { id, digest } = await central.ask()
    const answer = await post(central, anna, `/approvals/${id}`, {
      decision: 'approve',
      digest,
      code: anna.code(),
      ...change,
    })
    assert.equal(answer.statusCode, status)
    assert.match(answer.body, says)
    assert.equal((await central.approvals.get('wsp_1', id)).state, 'pending_approval')
  })
}

test('a code that approved one action approves no other', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const [first, second] = [await central.ask(), await central.ask('touch /tmp/y')]
  const code = anna.code()
  const approve = ({ id, digest }: typeof first) =>
    post(central, anna, `/approvals/${id}`, { decision: 'approve', digest, code })
  assert.equal((await approve(first)).statusCode, 303)
  assert.equal((await approve(second)).statusCode, 422)
  assert.equal((await central.approvals.get('wsp_1', second.id)).state, 'pending_approval')
})

test('a stale page does not use up a code', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const [first, second] = [await central.ask(), await central.ask('touch /tmp/y')]
  const code = anna.code()
  const stale = { decision: 'approve', digest: second.digest, code }
  assert.equal((await post(central, anna, `/approvals/${first.id}`, stale)).statusCode, 409)
  assert.equal((await post(central, anna, `/approvals/${second.id}`, stale)).statusCode, 303)
})

test('rejecting needs no proof', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna', { totp: false })
  const { id, digest } = await central.ask()
  assert.equal((await post(central, anna, `/approvals/${id}`, { decision: 'reject', digest })).statusCode, 303)
  assert.equal((await central.approvals.get('wsp_1', id)).state, 'rejected')
  assert.match((await get(central, anna, `/approvals/${id}`)).body, /It was rejected. Nothing has run./)
})

test('who comes second is told so', async () => {
  const central = await boot()
  const [anna, ben] = [await central.signIn('usr_anna'), await central.signIn('usr_ben')]
  const { id, digest } = await central.ask()
  await post(central, ben, `/approvals/${id}`, { decision: 'reject', digest })
  const late = await post(central, anna, `/approvals/${id}`, { decision: 'approve', digest, code: anna.code() })
  assert.equal(late.statusCode, 409)
  assert.match(late.body, /Somebody else was first/)
  assert.match(late.body, /Rejected by <bdi>ben@example.org/)
})

test('after half an hour nothing can be approved', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const { id, digest } = await central.ask()
  central.clock.advance(30 * 60_000)
  const late = await post(central, anna, `/approvals/${id}`, { decision: 'approve', digest, code: anna.code() })
  assert.equal(late.statusCode, 409)
  assert.equal((await central.approvals.get('wsp_1', id)).state, 'expired')
  assert.match(late.body, /Nobody decided in time. Nothing has run./)
})

for (const role of ['viewer', 'operator'] as const) {
  test(`a person who is ${role} reads, and cannot decide`, async () => {
    const central = await boot()
    const ben = await central.signIn('usr_ben', { totp: true, role })
    const { id, digest } = await central.ask()
    const page = (await get(central, ben, `/approvals/${id}`)).body
    assert.match(page, new RegExp(`Your role is ${role}`))
    assert.doesNotMatch(page, /name="digest"/)
    for (const decision of ['approve', 'reject']) {
      const answer = await post(central, ben, `/approvals/${id}`, { decision, digest, code: ben.code() })
      assert.equal(answer.statusCode, 403)
    }
    assert.equal((await central.approvals.get('wsp_1', id)).state, 'pending_approval')
  })
}

test('with the policy two_person, who asked cannot approve; another can', async () => {
  const central = await boot()
  const [anna, ben] = [await central.signIn('usr_anna'), await central.signIn('usr_ben')]
  await central.plans.setPolicy('wsp_1', { ...DEFAULT_POLICY, two_person: true })
  const { id, digest } = await central.ask()
  assert.match((await get(central, anna, `/approvals/${id}`)).body, /wants another member to approve it/)
  const approve = (who: Person) =>
    post(central, who, `/approvals/${id}`, { decision: 'approve', digest, code: who.code() })
  assert.equal((await approve(anna)).statusCode, 403)
  assert.equal((await approve(ben)).statusCode, 303)
})

test('without a second factor the page says where to set one up', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna', { totp: false })
  const { id, digest } = await central.ask()
  assert.match((await get(central, anna, `/approvals/${id}`)).body, /You have no second factor yet.*href="\/account"/s)
  const answer = await post(central, anna, `/approvals/${id}`, { decision: 'approve', digest, code: '123456' })
  assert.equal(answer.statusCode, 422)
  assert.equal((await central.approvals.get('wsp_1', id)).state, 'pending_approval')
})

test('what is hostile in an action is shown, and does nothing', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const { id } = await central.ask('ls \u202e"x"; <img src=y>', {
    reason: '<script>a()</script>\u200b',
    clientName: '<b>C</b>\u202e',
  })
  const { body } = await get(central, anna, `/approvals/${id}`)
  assert.doesNotMatch(body, /<img|<script>a|<b>C|\u202e|\u200b/)
  assert.ok(body.includes('ls <span class="visible">\\u{202e}</span>&#34;x&#34;; &#60;img src&#61;y&#62;'))
  assert.match(body, /1 character is not plain ASCII/)
})

test('an action of another workspace is not there', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const theirs = await central.approvals.request(
    principal({ workspaceId: 'wsp_2' }),
    'req_2',
    { kind: 'decommission_server', server_id: 'srv_1' },
    { title: 'secret title', effect: '', undo: '', reason: '', why: '' },
  )
  for (const path of ['', '/output', '/output.txt']) {
    const answer = await get(central, anna, `/approvals/${theirs.id}${path}`)
    assert.equal(answer.statusCode, 404)
    assert.doesNotMatch(answer.body, /secret title/)
  }
  const answer = await post(central, anna, `/approvals/${theirs.id}`, { decision: 'reject', digest: theirs.digest })
  assert.equal(answer.statusCode, 404)
})

async function ran(central: Booted, output: Buffer, state: 'succeeded' | 'failed' | 'unknown' = 'succeeded') {
  const { id, digest } = await central.ask()
  await central.approvals.decide({ by: person(), actionId: id, decision: 'approve', proof: 'passkey', digest })
  await central.actions.move(id, 'approved', 'running', { started_at: central.clock.now() })
  await central.actions.appendOutput(id, 0, output)
  const end = () =>
    central.actions.move(id, 'running', state, { finished_at: central.clock.now(), outcome: { exit_code: 0 } })
  return { id, end }
}

test('output grows stretch by stretch, never splits a character, and is escaped', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const whole = Buffer.from('<b>größe</b>\n')
  const cut = whole.indexOf('ö') + 1
  const { id, end } = await ran(central, whole.subarray(0, cut))
  const stretch = async (from: number) => (await get(central, anna, `/approvals/${id}/output?from=${from}`)).json()
  assert.deepEqual(await stretch(0), { html: '&#60;b&#62;gr', next: cut - 1, more: true })
  await central.actions.appendOutput(id, cut, whole.subarray(cut))
  await end()
  assert.deepEqual(await stretch(cut - 1), { html: 'öße&#60;/b&#62;\n', next: whole.length, more: false })
  assert.deepEqual(await stretch(-5), { html: '&#60;b&#62;größe&#60;/b&#62;\n', next: whole.length, more: false })
})

test('output as a file is the bytes, to be saved and not shown', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const bytes = Buffer.concat([Buffer.from('<script>'), Buffer.alloc(200_000, 'x')])
  const { id, end } = await ran(central, bytes)
  await end()
  const answer = await get(central, anna, `/approvals/${id}/output.txt`)
  assert.deepEqual(answer.rawPayload, bytes)
  assert.match(String(answer.headers['content-disposition']), /^attachment/)
  assert.equal(answer.headers['x-content-type-options'], 'nosniff')
})

test('an unknown outcome is not called failed or done', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const { id, end } = await ran(central, Buffer.from('x'), 'unknown')
  await end()
  const { body } = await get(central, anna, `/approvals/${id}`)
  assert.match(body, /Outcome unknown/)
  assert.match(body, /may have run, in whole or in part, and it will not run again/)
})

test('the list of servers says what is online, what alerts, and what holds a read-only command', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  central.fleet.servers = [
    server({ name: '<i>web</i>\u202e' }),
    server({ id: 'srv_2', online: false, lastSeenAt: null, lanes: [{ name: 'read', isolation: 'none' }] }),
  ]
  central.fleet.alerts = [{ id: 'alr_1', server_id: 'srv_1', severity: 'critical', message: 'Disk full', raised_at: 1 }]
  const { body } = await get(central, anna, '/')
  assert.match(body, /1 of 2 online/)
  assert.match(body, /1 alert</)
  assert.match(body, /Reads run in a bubblewrap sandbox/)
  assert.match(body, /No sandbox: every command asks for approval/)
  for (const url of ['/', '/servers/srv_1', '/audit']) {
    assert.doesNotMatch((await get(central, anna, url)).body, /<i>web|\u202e/, url)
  }
})

test('a server of nobody’s is not found', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  assert.equal((await get(central, anna, '/servers/srv_9')).statusCode, 404)
  assert.equal((await post(central, anna, '/servers/srv_9/decommission')).statusCode, 404)
})

test('decommissioning is a call like any other, in the name of the person, and leads to the action', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  central.answers.push({ kind: 'result', value: { status: 'pending_approval', action_id: 'act_7' } })
  const answer = await post(central, anna, '/servers/srv_1/decommission')
  assert.equal(answer.headers.location, '/approvals/act_7')
  const [call] = central.calls
  assert.equal(call?.tool, 'mttrly_decommission_server')
  assert.deepEqual(call?.arguments, { server_id: 'srv_1' })
  assert.deepEqual(
    [call?.principal.credential, call?.principal.userId, call?.principal.source],
    ['session', 'usr_anna', 'dashboard'],
  )
})

test('a refused call is said in the catalogue’s words', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  central.answers.push({ kind: 'error', code: 'SERVER_ONLINE', details: {}, requestId: 'req_1' })
  const answer = await post(central, anna, '/servers/srv_1/regenerate')
  assert.equal(answer.statusCode, 409)
  assert.match(answer.body, /The target server is online/)
})

test('an install token is made by POST alone, and not for a viewer', async () => {
  const central = await boot()
  const [anna, ben] = [
    await central.signIn('usr_anna'),
    await central.signIn('usr_ben', { totp: true, role: 'viewer' }),
  ]
  await get(central, anna, '/servers/add')
  assert.equal((await get(central, ben, '/servers/add')).statusCode, 403)
  assert.equal((await post(central, ben, '/servers/add')).statusCode, 403)
  assert.equal(central.fleet.tokens.length, 0)
  const { body } = await post(central, anna, '/servers/add')
  assert.ok(body.includes('printf &#39;%s&#39; &#39;mtti_x&#39; | npm run agent -- enrol'))
  assert.match(body, /In a checkout of mttrly/)
  central.fleet.tokensFrom = 'release'
  assert.match((await post(central, anna, '/servers/add')).body, /As root;/)
  assert.match(body, /Waiting for the server/)
  const since = addressIn(body, /since=(\d+)/)
  central.fleet.servers.push(server({ id: 'srv_5', name: 'new-one', createdAt: Number(since) }))
  assert.match((await get(central, anna, `/servers/add/waiting?since=${since}`)).body, /new-one.*is connected/s)
})

test('the audit log can be narrowed to a server, checked, and exported for the offline check', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  await central.ask()
  await central.ask('touch /tmp/y')
  assert.match((await get(central, anna, '/audit?server=srv_1')).body, /Action requested/)
  assert.doesNotMatch((await get(central, anna, '/audit?server=srv_2')).body, /Action requested/)
  assert.match((await get(central, anna, '/audit?check=chain')).body, /The chain holds\.<\/strong> 2 lines/)
  const { body } = await get(central, anna, '/audit.jsonl')
  const lines = body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const checked = verifyLines(lines)
  assert.equal(checked.fault, undefined)
  assert.equal(checked.end.seq, 2)
})

test('the audit log pages backwards without losing a line', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  for (let i = 0; i < 60; i++) await central.ask(`touch /tmp/${i}`, { grantId: `grant-${i % 2}` })
  const seen = (body: string) => [...body.matchAll(/number-of-line">(\d+)</g)].map((match) => Number(match[1]))
  const first = (await get(central, anna, '/audit')).body
  const older = addressIn(first, /href="(\/audit\?before=\d+)"/)
  const second = (await get(central, anna, older)).body
  assert.deepEqual(
    [...seen(first), ...seen(second)],
    Array.from({ length: 60 }, (_, i) => 60 - i),
  )
})

const SETTINGS = {
  denied_programs: 'mkfs\r\ndd dd',
  two_person: 'on',
  'role:usr_anna': 'owner',
  'role:usr_ben': 'approver',
}

test('an owner with a code changes policy and roles, and both are written down', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const answer = await post(central, anna, '/settings', { ...SETTINGS, code: anna.code() })
  assert.equal(answer.headers.location, '/settings?saved')
  assert.deepEqual((await central.plans.get('wsp_1')).policy, {
    read_only: false,
    two_person: true,
    denied_programs: ['mkfs', 'dd'],
  })
  const roles = (await central.members.list('wsp_1')).map(({ userId, role }) => [userId, role])
  assert.deepEqual(roles, [
    ['usr_anna', 'owner'],
    ['usr_ben', 'approver'],
  ])
  const events = (await central.audit.list('wsp_1', { limit: 5 })).map(({ body }) => body.event)
  assert.deepEqual(events, ['account.changed', 'policy.changed'])
})

const UNSAVED: readonly [what: string, fields: Record<string, string>, status: number, says: RegExp][] = [
  ['no code', { code: '' }, 422, /Enter a one-time code/],
  ['a wrong code', { code: '000000' }, 422, /was wrong/],
  ['no owner left', { 'role:usr_anna': 'viewer' }, 422, /A workspace needs an owner/],
  ['a name that is too long', { denied_programs: 'x'.repeat(101) }, 422, /at most 100 characters/],
]

for (const [what, fields, status, says] of UNSAVED) {
  test(`settings with ${what} are not saved`, async () => {
    const central = await boot()
    const anna = await central.signIn('usr_anna')
    const answer = await post(central, anna, '/settings', { ...SETTINGS, code: anna.code(), ...fields })
    assert.equal(answer.statusCode, status)
    assert.match(answer.body, says)
    assert.deepEqual((await central.plans.get('wsp_1')).policy, DEFAULT_POLICY)
    assert.ok((await central.members.list('wsp_1')).every(({ role }) => role === 'owner'))
  })
}

test('only an owner sees or changes settings', async () => {
  const central = await boot()
  const ben = await central.signIn('usr_ben', { totp: true, role: 'approver' })
  assert.equal((await get(central, ben, '/settings')).statusCode, 403)
  assert.equal((await post(central, ben, '/settings', { ...SETTINGS, code: ben.code() })).statusCode, 403)
  assert.equal((await post(central, ben, '/settings/challenge')).statusCode, 403)
  assert.doesNotMatch((await get(central, ben, '/')).body, /href="\/settings"/)
})

test('assets keep for good under their own hash alone, and nothing else is served', async () => {
  const central = await boot()
  const anna = await central.signIn('usr_anna')
  const { body } = await get(central, anna, '/')
  const url = addressIn(body, /href="(\/assets\/console\.css\?v=[^"]+)"/)
  const [lasting, passing] = [
    await central.app.inject({ url }),
    await central.app.inject({ url: '/assets/console.css?v=x' }),
  ]
  assert.match(String(lasting.headers['cache-control']), /immutable/)
  assert.match(String(lasting.headers['content-type']), /^text\/css/)
  assert.equal(passing.headers['cache-control'], 'no-cache')
  for (const path of ['/assets/x.js', '/assets/..%2flayout.ts', '/assets/%2e%2e/layout.ts', '/assets/']) {
    assert.equal((await central.app.inject({ url: path })).statusCode, 404, path)
  }
})
