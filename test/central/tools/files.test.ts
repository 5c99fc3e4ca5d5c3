// The tools that look at files, on a whole Central, with a host that answers as told.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { FileAnswers, FileQuestion } from '#proto/contract/files.ts'
import { Grant, sha256 } from '#proto/contract/grant.ts'
import { type Booted, bootCentral } from '../../helpers/boot-central.ts'
import { createCsr } from '../../helpers/csr.ts'
import { createFakeAgent } from '../../helpers/fake-agent.ts'
import { until } from '../../helpers/fleet.ts'
import { connectMcp, type Mcp } from '../../helpers/mcp.ts'

const stops: (() => unknown)[] = []
let booted: Booted
let mcp: Mcp
let id = ''
const asked: FileQuestion[] = []
let answer: unknown = {}
const granted: Grant[] = []
let exitCode = 0
let owner: Awaited<ReturnType<Booted['member']>>
let refusal: { code: string; details: Record<string, unknown> } | undefined

const CONTAINED = ['read', 'act', 'inspect', 'docker'].map((name) => ({
  name,
  isolation: 'ISOLATION_SYSTEMD' as const,
}))
const page: FileAnswers['read'] = {
  kind: 'text',
  path: '/var/log/app.log',
  size: 9000,
  modifiedAt: 1_700_000_000_000,
  changed: false,
  text: 'one\ntwo \u202e\n',
  redactions: 1,
  before: 10,
  after: 20,
  next: 'Y3Vyc29y',
}

async function enrol(hello: object): Promise<string> {
  const { central, workspaceId } = booted
  const { token } = await central.fleet.createInstallToken({ workspaceId, createdBy: 'test' })
  const { keyPem, csrPem } = await createCsr()
  const { server_id, certificate_pem, ca_pem } = await central.fleet.enrol({
    token,
    csr_pem: csrPem,
    hostname: 'web-1',
  })
  const agent = createFakeAgent({
    ...{ keyPem, certificatePem: certificate_pem, caPem: ca_pem, port: central.grpcPort },
    hello: { lanes: CONTAINED, ...hello },
    onRequest: ({ method }, io) => {
      if (method === 'commands.act') {
        granted.push(Grant.parse(JSON.parse(String(io.received().grant))))
        io.respond({ state: 'RUN_STATE_EXITED', exitCode: exitCode, outputSha256: sha256('') })
        return
      }
      asked.push(JSON.parse(String(io.received().json)))
      if (refusal) io.fail(refusal.code, refusal.details)
      else io.respond({ json: typeof answer === 'string' ? answer : JSON.stringify(answer) })
    },
  })
  stops.push(() => agent.close())
  await agent.connect()
  await until(async () => (await central.fleet.get(workspaceId, server_id))?.online === true)
  return server_id
}

before(async () => {
  booted = await bootCentral({ after: (work) => void stops.push(work as () => unknown) }, {})
  owner = await booted.member('anna')
  await owner.signIn()
  mcp = await connectMcp(booted.url, await booted.apiKey(owner.userId))
  id = await enrol({})
})
after(async () => {
  await mcp?.close()
  for (const stop of stops.toReversed()) await stop()
})

async function ask(tool: string, args: object, with_: unknown) {
  answer = with_
  const value = await mcp.value(tool, { server_id: id, ...args })
  return { value, question: asked.at(-1) }
}
async function refused(
  tool: string,
  args: object,
): Promise<{ code: string; message: string; suggested_action: string; details?: unknown }> {
  const got = await mcp.call(tool, { server_id: id, ...args })
  assert.ok(!got.ok, `${tool} was not refused`)
  return got.error
}

describe('reading a file', () => {
  test('asks for what was meant, and shows what a terminal would obey', async () => {
    const { value, question } = await ask('read_file', { path: '/var/log/app.log', lines: 2 }, page)
    const wanted = { kind: 'tail', lines: 2 }
    assert.deepEqual(question, { do: 'read', ring: 'normal', path: '/var/log/app.log', wanted, maxBytes: 32_768 })
    assert.equal(value.content, 'one\ntwo \\u{202e}\n')
    assert.deepEqual(
      [value.lines, value.bytes_before, value.bytes_after, value.truncated, value.next_cursor],
      [2, 10, 20, false, 'Y3Vyc29y'],
    )
  })
  test('goes on with the cursor, from a line, from the head', async () => {
    const wanted = async (args: object) => {
      const { question } = await ask('read_privileged_file', { path: '/etc/sudoers', lines: 5, ...args }, page)
      assert.ok(question?.do === 'read' && question.ring === 'privileged')
      return question.wanted
    }
    assert.deepEqual(await wanted({ cursor: 'abc' }), { kind: 'page', cursor: 'abc', lines: 5 })
    assert.deepEqual(await wanted({ first_line: 10 }), { kind: 'lines', from: 10, to: 14 })
    assert.deepEqual(await wanted({ from: 'head' }), { kind: 'head', lines: 5 })
  })
  test('gives no more lines than the plan allows, and says so', async () => {
    const many = { ...page, text: 'x\n'.repeat(500) }
    const { value, question } = await ask('read_file', { path: '/var/log/app.log', lines: 9000 }, many)
    assert.deepEqual(question?.do === 'read' && question.wanted, { kind: 'tail', lines: 500 })
    assert.deepEqual([value.lines, value.lines_limit, value.truncated, value.truncated_by], [500, 500, true, 'plan'])
  })
  test('names what is binary', async () => {
    const binary = { ...page, kind: 'binary', sha256: 'a'.repeat(64) }
    const { value } = await ask('read_file', { path: '/var/log/wtmp' }, binary)
    assert.deepEqual([value.kind, value.content, value.sha256], ['binary', undefined, 'a'.repeat(64)])
  })
  test('reads the journal of a unit', async () => {
    const journal = { text: 'said\n', redactions: 0, exitCode: 0, detail: '', shortened: false }
    const { value, question } = await ask('read_file', { path: 'journal:nginx.service', lines: 9 }, journal)
    assert.deepEqual(question, { do: 'journal', unit: 'nginx.service', lines: 9 })
    assert.deepEqual([value.kind, value.content], ['journal', 'said\n'])
  })
  test("reads a container's log, and what an image is", async () => {
    const log = { container: 'web', text: 'said \u202e\n', redactions: 2, shortened: false }
    const { value, question } = await ask('read_file', { path: 'docker:web', lines: 9000 }, log)
    assert.deepEqual(question, { do: 'logs', container: 'web', lines: 500 })
    assert.deepEqual([value.kind, value.content, value.redactions], ['docker-log', 'said \\u{202e}\n', 2])
    const all = await ask('read_file', { path: 'docker-image:*' }, { images: [], omitted: 3 })
    assert.deepEqual([all.question, all.value.truncated], [{ do: 'images' }, true])
    await ask('read_file', { path: 'docker-image:team/app:1.2' }, 'no answer').catch(() => {})
    assert.deepEqual(asked.at(-1), { do: 'image', image: 'team/app:1.2' })
  })
  test('says what a host without an engine says, and that one without a lane cannot be looked at', async () => {
    refusal = { code: 'DOCKER_NOT_AVAILABLE', details: { why: 'There is no socket.' } }
    const { code: none, message } = await refused('read_file', { path: 'docker:web' })
    assert.deepEqual([none, message], ['DOCKER_NOT_AVAILABLE', 'There is no socket.'])
    refusal = undefined
    const server_id = await enrol({ lanes: CONTAINED.filter(({ name }) => name !== 'docker') })
    const { code, details } = await refused('read_file', { server_id, path: 'docker-image:web' })
    assert.deepEqual([code, (details as { reason?: string }).reason], ['POLICY_DENIED', 'no_isolation'])
  })
})

describe('searching, diffing, comparing', () => {
  test('hand on what the host found', async () => {
    const passed = { not_allowed: 1 }
    const hits = [{ path: '/var/log/a\u200b', line: 3, text: 'x' }]
    const found = { hits, files: 2, bytes: 9, longLines: 0, passed, shortened: ['hits'] }
    const { value, question } = await ask('search_files', { path: '/var/log', query: 'x', glob: '*.log' }, found)
    const ring = 'normal'
    assert.deepEqual(question, { do: 'search', root: '/var/log', needle: 'x', names: '*.log', ring, maxHits: 50 })
    assert.deepEqual(value.hits, [{ path: '/var/log/a\\u{200b}', line: 3, text: 'x' }])
    assert.deepEqual([value.truncated, value.files_skipped], [true, passed])

    const diff = { text: '+a\u0007\n', same: false, added: 1, removed: 0, redactions: 0, leftOut: 4 }
    const differing = (await ask('diff_file', { from_path: '/etc/a.conf', to_path: '/etc/b.conf' }, diff)).value
    assert.deepEqual([differing.diff, differing.truncated, differing.lines_left_out], ['+a\\u{7}\n', true, 4])

    const none = { count: 0, names: [] }
    const compared = {
      ...{
        fresh: none,
        stale: none,
        missing: { count: 1, names: ['a'] },
        extra: none,
        unverified: { ...none, newer: 0 },
      },
      ...{ maps: 0, files: { source: 1, dist: 0 }, shortened: [] },
    }
    const paths = { source_path: '/srv/app/src', dist_path: '/srv/app/dist' }
    const { verdict, missing } = (await ask('compare_source_to_dist', paths, compared)).value
    assert.deepEqual([verdict, missing], ['incomplete', compared.missing])
  })
})

async function decided(actionId: unknown): Promise<Record<string, unknown>> {
  const approver = await booted.member(`approver-${actionId}`, 'approver')
  await approver.signIn()
  assert.equal((await approver.decide(String(actionId), 'approve')).status, 303)
  return mcp.value('get_action_result', { action_id: actionId, wait_s: 20 })
}

describe('running a script', () => {
  const text = 'echo "$1"\u202e\nexit 3'
  test('inline, as the input of its interpreter', async () => {
    exitCode = 3
    const { value } = await ask('execute_script', { script: text, args: ['-x'], cwd: '/srv' }, {})
    const page = await (await owner.get(`/approvals/${value.action_id}`)).text()
    assert.match(page, /echo &#34;\$1&#34;<span class="visible">\\u\{202e\}/)
    assert.equal((await decided(value.action_id)).exit_code, 3)
    const { argv, input, cwd } = granted.at(-1) ?? {}
    assert.deepEqual([argv, cwd], [['/bin/bash', '-s', '--', '-x'], '/srv'])
    assert.equal(Buffer.from(input ?? '', 'base64').toString(), text)
  })
  test('managed, bound to the hash that the host said', async () => {
    exitCode = 0
    const path = '/usr/local/lib/mttrly-scripts/tidy'
    const script = { path, sha256: 'ab'.repeat(32), text: 'rm x', size: 4, redactions: 1 }
    const { value, question } = await ask('execute_script', { path, args: ['--now'] }, script)
    assert.deepEqual(question, { do: 'script', path })
    const page = await (await owner.get(`/approvals/${value.action_id}`)).text()
    assert.match(page, /1 secret<\/?[^>]*>? of it is redacted|1 secret of it is redacted/)
    assert.ok(page.includes(script.sha256))
    await decided(value.action_id)
    assert.deepEqual(granted.at(-1)?.argv.slice(1), ['run-script', path, '--sha256', script.sha256, '--', '--now'])
    assert.equal(granted.at(-1)?.input, undefined)
  })
  test('is one or the other', async () => {
    for (const args of [{}, { script: 'x', path: '/x' }, { script: 'x', interpreter: 'ruby' }, { script: '' }])
      assert.equal((await refused('execute_script', args)).code, 'VALIDATION_ERROR', JSON.stringify(args))
  })
})

describe('changing a file', () => {
  const content = Buffer.from('a\nc\n')
  const diff = { text: '-b\n+c<i>\u202e\n', same: false, added: 1, removed: 1, redactions: 0, leftOut: 0 }
  const attributes = { mode: 0o640, uid: 33, gid: 33 }
  const plan = {
    ...{ path: '/srv/app/real.conf', expected: 'e'.repeat(64), diff, attributes, canUndo: true },
    size: { before: 4, after: 4 },
  }
  test('asks with the plan of the host, and runs what was shown', async () => {
    const path = '/srv/app/link.conf'
    const { value, question } = await ask('write_file', { path, content_base64: content.toString('base64') }, plan)
    assert.deepEqual(question, { do: 'plan', path, content: content.toString('base64') })
    assert.equal(value.status, 'pending_approval')
    const page = await (await owner.get(`/approvals/${value.action_id}`)).text()
    assert.match(page, /-b\n\+c&#60;i&#62;<span class="visible">\\u\{202e\}/)
    assert.match(page, /0640/)
    exitCode = 4
    const { status, next_step } = await decided(value.action_id)
    assert.deepEqual([status, /nothing was changed/.test(String(next_step))], ['failed', true])
    const grant = granted.at(-1)
    const argv = ['write-file', plan.path, '--sha256', sha256(content), '--expect', plan.expected]
    assert.deepEqual(grant?.argv, ['/opt/mttrly/current/mttrly-agent', ...argv])
    assert.deepEqual([grant?.input, grant?.user, grant?.terminal], [content.toString('base64'), '', false])
  })
  test('makes a file, and deletes one, for good where it cannot be kept', async () => {
    exitCode = 0
    const { expected: _none, ...fresh } = { ...plan, size: { after: 0 } }
    const made = (await ask('write_file', { path: plan.path, content_base64: '' }, fresh)).value
    assert.equal((await decided(made.action_id)).status, 'succeeded')
    assert.deepEqual(granted.at(-1)?.argv.slice(-1), ['none'])
    assert.equal(granted.at(-1)?.input, '')
    const large = { ...plan, diff: undefined, canUndo: false, size: { before: 2 ** 30 } }
    const gone = (await ask('cleanup_file', { path: plan.path }, large)).value
    const page = await (await owner.get(`/approvals/${gone.action_id}`)).text()
    assert.match(page, /goes for good/)
    await decided(gone.action_id)
    assert.deepEqual(granted.at(-1)?.argv.slice(1), [
      ...['delete-file', plan.path, '--expect', plan.expected],
      '--for-good',
    ])
    assert.equal(granted.at(-1)?.input, undefined)
    answer = { ...plan, expected: undefined }
    assert.equal((await refused('cleanup_file', { path: plan.path })).code, 'NOT_FOUND')
  })
  test('does not put a marker in the place of the secret that it stands for', async () => {
    const asked = granted.length
    for (const marker of ['[redacted:password]', '[redacted:aws-key:0a1b2c3d]']) {
      const content_base64 = Buffer.from(`user=shop\npassword=${marker}\n`).toString('base64')
      const { code, details } = await refused('write_file', { path: plan.path, content_base64 })
      assert.equal(code, 'VALIDATION_ERROR')
      assert.ok(JSON.stringify(details).includes(`It holds ${marker}, which stands where a secret was`))
    }
    answer = plan
    const content_base64 = Buffer.from('# what is [redacted] is not shown\n').toString('base64')
    assert.equal((await ask('write_file', { path: plan.path, content_base64 }, plan)).value.status, 'pending_approval')
    assert.equal(granted.length, asked)
  })
  test('takes no content that is none, or too long', async () => {
    const count = granted.length
    for (const content_base64 of ['?', 'YQ', Buffer.alloc(300 * 1024).toString('base64')])
      assert.equal((await refused('write_file', { path: plan.path, content_base64 })).code, 'VALIDATION_ERROR')
    answer = { ...plan, path: '--help' }
    assert.equal((await refused('write_file', { path: plan.path, content_base64: '' })).code, 'INTERNAL_ERROR')
    assert.equal(granted.length, count)
  })
})

describe('what cannot be read', () => {
  const path = '/etc/shadow'
  test('is refused in the words of the host', async () => {
    refusal = { code: 'POLICY_DENIED', details: { reason: 'secret', path, source: 'host_policy' } }
    const { code, details, message, suggested_action } = await refused('read_privileged_file', { path })
    refusal = undefined
    assert.equal(code, 'POLICY_DENIED')
    assert.match(message, /^The host refused it/)
    assert.match(suggested_action, /only the host's owner changes them/)
    assert.match(JSON.stringify(details), /"reason":"secret"/)
  })
  test('is not made up by a host that answers something else', async () => {
    for (const nonsense of ['', 'null', '[]', '{"kind":"text"}']) {
      answer = nonsense
      assert.equal((await refused('read_file', { path })).code, 'INTERNAL_ERROR', nonsense)
    }
  })
  test('is asked of no host that cannot contain a look, or is too old for it', async () => {
    const count = asked.length
    const open = await enrol({ lanes: [{ name: 'read', isolation: 'ISOLATION_SYSTEMD' }] })
    const uncontained = await refused('read_file', { server_id: open, path })
    assert.equal(uncontained.code, 'POLICY_DENIED')
    assert.match(JSON.stringify(uncontained.details), /no_isolation.*mttrly-agent doctor/)
    const old = await enrol({ capabilityVersion: 2 })
    assert.equal((await refused('search_files', { server_id: old, path, query: 'x' })).code, 'AGENT_OUTDATED')
    assert.equal(asked.length, count)
  })
  test('is no relative path', async () => {
    for (const wrong of ['etc/passwd', '', 'file:///etc/passwd', 'journal:'])
      assert.equal((await refused('read_file', { path: wrong })).code, 'VALIDATION_ERROR', wrong)
  })
})
