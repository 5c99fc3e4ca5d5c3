// What a client and a person see of one server: reads answer, changes wait, and only a person on the approval page makes
// one run. Real Central, real agent, real pages.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { LIMITS } from '#proto/contract/limits.ts'
import { until } from '../helpers/fleet.ts'
import type { Person } from '../helpers/person.ts'
import { verifies } from './requirements.ts'
import { isContained, startWorld, type World } from './world.ts'

const noBubblewrap = existsSync('/usr/bin/bwrap') ? false : 'bubblewrap is not installed'
const WRONG_CODE = '000000'

let world: World
before(async () => {
  world = await startWorld()
})
after(() => world?.stop())

const stateOf = async (id: string) => (await world.mcp.value('get_action_result', { action_id: id })).status

/** Asks for a file to be made; `made` says whether it was. */
async function askForFile(name: string) {
  const path = world.host.work(name)
  return { id: await world.ask(`touch ${path}`), made: () => existsSync(path) }
}

/** What the page shows as the bytes that are signed, back in the form in which they are signed. */
function shownBytes(page: string): string {
  const shown = /aria-label="Canonical bytes">([\s\S]*?)<\/pre>/.exec(page)?.[1] ?? ''
  const plain = shown.replace(
    /<span class="visible[^"]*">\\u\{([0-9a-f]+)(?:×(\d+))?\}<\/span>\n?/g,
    (_all, code, count) => String.fromCodePoint(Number.parseInt(code, 16)).repeat(Number(count ?? 1)),
  )
  return plain.replace(/&#(\d+);/g, (_all, code) => String.fromCodePoint(Number(code)))
}

describe('reads', { skip: noBubblewrap }, () => {
  verifies('commands:a-read-answers-at-once', 'uptime answers in the call', async () => {
    assert.ok(await isContained(world))
    const answer = await world.mcp.value('execute_command', { server_id: world.host.serverId, command: 'uptime' })
    assert.equal(answer.status, 'succeeded')
    assert.equal(answer.exit_code, 0)
    assert.match(String(answer.output), /load average/)
    assert.equal(answer.action_id, undefined)
    assert.equal(answer.isolation, 'bubblewrap')
  })

  const readFile = (path: string) =>
    world.mcp.value('execute_command', { server_id: world.host.serverId, command: `cat ${path}` })

  verifies(
    ['commands:long-reads-become-actions', 'results:paged'],
    'a read that prints much becomes an action',
    async () => {
      const wanted = `${Array.from({ length: 30_000 }, (_, i) => i + 1).join('\n')}\n`
      const file = world.host.work('numbers')
      writeFileSync(file, wanted)
      const id = String((await readFile(file)).action_id)
      assert.match(id, /^act_/)
      const end = await world.ended(id)
      assert.equal(end.status, 'succeeded')
      for (const pageBytes of [undefined, 7_777]) assert.equal(await world.output(id, pageBytes), wanted)
      assert.equal(end.output_bytes, wanted.length)
      assert.equal(end.output_sha256, createHash('sha256').update(wanted).digest('hex'))
    },
  )

  verifies('results:paged', 'pages cut no character in two', async () => {
    const wanted = 'žluťoučký 🐎\n'.repeat(1_500)
    const file = world.host.work('letters')
    writeFileSync(file, wanted)
    const id = String((await readFile(file)).action_id)
    await world.ended(id)
    assert.equal(await world.output(id, 1_001), wanted)
  })

  verifies(
    ['commands:long-reads-become-actions', 'results:live'],
    'a read that takes long becomes an action',
    async () => {
      const asked = await world.mcp.value('execute_command', {
        server_id: world.host.serverId,
        command: 'vmstat 1 22',
        timeout_s: 60,
      })
      assert.equal(asked.status, 'running')
      const id = String(asked.action_id)
      const early = await world.mcp.value('get_action_result', { action_id: id })
      assert.equal(early.status, 'running')
      assert.match(String(early.output), /^procs/)
      const end = await world.ended(id)
      assert.equal(end.status, 'succeeded')
      const samples = (await world.output(id)).split('\n').filter((line) => /^ *\d/.test(line))
      assert.equal(samples.length, 22)
    },
  )
})

describe('changes', () => {
  verifies(
    ['commands:a-change-waits', 'approvals:asking-again-runs-nothing'],
    'touch waits, and asking again runs nothing',
    async () => {
      const path = world.host.work('waits')
      const ask = () => world.mcp.value('execute_command', { server_id: world.host.serverId, command: `touch ${path}` })
      const first = await ask()
      assert.equal(first.status, 'pending_approval')
      assert.match(String(first.action_id), /^act_[0-9a-f]{32}$/)
      assert.equal(first.approval_url, `${world.booted.url}/approvals/${first.action_id}`)
      assert.equal(Date.parse(String(first.expires_at)) - Date.parse(String(first.created_at)), LIMITS.actionLife)
      const second = await ask()
      assert.equal(second.status, 'pending_approval')
      assert.notEqual(second.action_id, first.action_id)
      const { actions } = await world.mcp.value('get_pending_actions', { server_id: world.host.serverId })
      const pending = (actions as { action_id: string }[]).map(({ action_id }) => action_id)
      for (const { action_id } of [first, second]) assert.ok(pending.includes(String(action_id)))
      assert.equal(existsSync(path), false)
    },
  )

  for (const mode of ['legacy', 'auto'] as const) {
    verifies(
      'approvals:no-tool-or-key-approves',
      `approve_action runs nothing, whatever the ${mode} client answers`,
      async () => {
        const { id, made } = await askForFile(`tool-${mode}`)
        const plain = await world.connect({ mode })
        assert.equal(
          (await plain.value('approve_action', { action_id: id, decision: 'approve', wait_s: 0 })).status,
          'pending_approval',
        )
        for (const says of ['accept', 'decline', 'cancel'] as const) {
          const links: string[] = []
          const client = await world.connect({
            mode,
            onLink: async (url) => {
              links.push(url)
              return says
            },
          })
          const answer = await client.value('approve_action', { action_id: id, decision: 'approve', wait_s: 1 })
          assert.equal(answer.status, 'pending_approval')
          assert.deepEqual(links, [`${world.booted.url}/approvals/${id}`])
        }
        assert.equal(made(), false)
      },
    )
  }

  verifies('approvals:no-tool-or-key-approves', 'an API key opens no page and posts no decision', async () => {
    const { id, made } = await askForFile('key')
    const headers = { authorization: `Bearer ${world.key}` }
    const url = new URL(`/approvals/${id}`, world.booted.url)
    for (const init of [{ headers }, { method: 'POST', headers, body: new URLSearchParams({ decision: 'approve' }) }]) {
      const answer = await fetch(url, { redirect: 'manual', ...init })
      assert.ok([302, 303].includes(answer.status), `${answer.status}`)
      assert.match(answer.headers.get('location') ?? '', /^\/sign-in/)
    }
    assert.equal(await stateOf(id), 'pending_approval')
    assert.equal(made(), false)
  })
})

describe('the approval page', () => {
  let anna: Person
  before(async () => {
    anna = await world.approver()
  })

  verifies(
    ['approvals:only-a-fresh-second-factor', 'approvals:get-never-approves'],
    'nothing but a fresh code, the digest and our own form decides',
    async () => {
      const { id, made } = await askForFile('refused')
      const path = `/approvals/${id}`
      const form: Record<string, string> = { ...(await anna.formOf(path)), decision: 'approve' }
      const send = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
        anna.send(path, { method: 'POST', body: new URLSearchParams(fields), headers })
      const foreign = [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'none' },
      ]
      const code = anna.code()
      for (const headers of foreign) assert.equal((await send({ ...form, code }, headers)).status, 403)
      assert.equal((await send({ ...form, code, csrf: '' })).status, 403)
      assert.equal((await send({ ...form, code, csrf: form.csrf?.replace(/.$/, '!') ?? '' })).status, 403)
      assert.equal((await send({ ...form, code, digest: '0'.repeat(64) })).status, 409)
      assert.equal((await send({ ...form, code, digest: '' })).status, 409)
      assert.equal((await send({ ...form, code: WRONG_CODE })).status, 422)
      assert.equal((await send(form)).status, 422)
      assert.equal((await anna.get(`${path}?${new URLSearchParams({ ...form, code })}`)).status, 200)
      assert.equal(await stateOf(id), 'pending_approval')

      // The code was good all the time: it is what the others lacked. Used now, it is used up.
      const other = await askForFile('other')
      const otherForm = { ...(await anna.formOf(`/approvals/${other.id}`)), decision: 'approve', code }
      assert.equal((await anna.post(`/approvals/${other.id}`, otherForm)).status, 303)
      assert.equal((await world.ended(other.id)).status, 'succeeded')
      assert.equal((await send({ ...form, code })).status, 422)
      assert.equal(await stateOf(id), 'pending_approval')
      assert.equal(made(), false)
      assert.equal(other.made(), true)
    },
  )

  verifies('approvals:what-ran-is-what-was-shown', 'the bytes shown are the bytes that ran', async () => {
    const path = world.host.work('argv')
    const command = `cat /proc/$$/cmdline > ${path}; printf '%s' "<b>&amp; \u202eevil ěš"  'tab\there' > ${path}.2\n# second line   `
    const id = await world.ask(command, { cwd: world.host.home.work, timeout_s: 12 })
    const person = await world.approver()
    const page = await (await person.get(`/approvals/${id}`)).text()
    const form = await person.formOf(`/approvals/${id}`)
    const shown = shownBytes(page)
    const digest = createHash('sha256').update(shown).digest('hex')
    assert.equal(form.digest, digest)
    assert.ok(page.includes(`<code class="wrap-anywhere">${digest}</code>`))
    assert.ok(!page.includes('\u202e'), 'a character that reorders text is shown by its code')
    assert.equal((await person.decide(id, 'approve')).status, 303)
    assert.equal((await world.ended(id)).status, 'succeeded')
    const { argv, cwd, timeout_ms, server_id } = JSON.parse(shown)
    assert.deepEqual(
      { cwd, timeout_ms, server_id },
      { cwd: world.host.home.work, timeout_ms: 12_000, server_id: world.host.serverId },
    )
    assert.deepEqual(readFileSync(path), Buffer.from(`${argv.join('\0')}\0`))
    assert.equal(argv.at(-1), command.trim())
    assert.equal(readFileSync(`${path}.2`, 'utf8'), '<b>&amp; \u202eevil ěštab\there')
  })

  verifies('approvals:one-of-two-wins', 'of approvers who race one wins, and it runs once', async () => {
    const path = world.host.work('race')
    const id = await world.ask(`echo ran >> ${path}`)
    const racers = [await world.approver(), await world.approver(), await world.approver(), await world.approver()]
    const answers = await Promise.all(racers.map((person, i) => person.decide(id, i === 3 ? 'reject' : 'approve')))
    const statuses = answers.map(({ status }) => status).sort()
    assert.deepEqual(statuses, [303, 409, 409, 409])
    const winner = answers.findIndex(({ status }) => status === 303)
    const end = await world.ended(id)
    assert.equal(end.decided_by, racers[winner]?.email)
    assert.equal(end.status, winner === 3 ? 'rejected' : 'succeeded')
    assert.equal(existsSync(path) ? readFileSync(path, 'utf8') : '', winner === 3 ? '' : 'ran\n')
  })

  verifies(
    'approvals:rejected-and-cancelled-never-run',
    'rejected by a person, by a tool, or cancelled: it never runs',
    async () => {
      const byPerson = await askForFile('rejected')
      assert.equal((await anna.decide(byPerson.id, 'reject')).status, 303)
      const byTool = await askForFile('rejected-by-tool')
      await world.mcp.value('approve_action', { action_id: byTool.id, decision: 'reject' })
      const cancelled = await askForFile('cancelled')
      await world.mcp.value('cancel_action', { action_id: cancelled.id })
      assert.equal(await stateOf(byPerson.id), 'rejected')
      for (const { id } of [byTool, cancelled]) assert.equal(await stateOf(id), 'cancelled')
      for (const { id, made } of [byPerson, byTool, cancelled]) {
        assert.equal(await world.mcp.code('approve_action', { action_id: id, decision: 'approve' }), 'ACTION_NOT_FOUND')
        const late = await (await world.approver()).decide(id, 'approve', { digest: 'f'.repeat(64) })
        assert.equal(late.status, 409)
        assert.equal(made(), false)
      }
    },
  )

  test('a viewer can look at the page and not decide', async () => {
    const { id, made } = await askForFile('viewer')
    const viewer = await world.booted.member('viewer', 'viewer')
    await viewer.signIn()
    const form = {
      ...(await viewer.formOf(`/approvals/${id}`)),
      digest: (await anna.formOf(`/approvals/${id}`)).digest ?? '',
    }
    for (const decision of ['approve', 'reject']) {
      const answer = await viewer.post(`/approvals/${id}`, { ...form, decision, code: viewer.code() })
      assert.equal(answer.status, 403)
    }
    assert.equal(await stateOf(id), 'pending_approval')
    assert.equal(made(), false)
  })

  verifies('results:live', 'output is there while the command runs', async () => {
    const gate = world.host.work('gate')
    const id = await world.ask(`echo first; until [ -e ${gate} ]; do sleep 0.05; done; echo second`)
    await world.approve(id)
    await until(async () => (await world.mcp.value('get_action_result', { action_id: id })).output === 'first\n')
    assert.equal(await stateOf(id), 'running')
    const open = await world.ask(`touch ${gate}`)
    await world.approve(open)
    assert.equal((await world.ended(id)).status, 'succeeded')
    assert.equal(await world.output(id), 'first\nsecond\n')
  })
})

// Last: it moves the clock.
verifies('approvals:expire', 'after 30 minutes nobody can approve it', async () => {
  const { id, made } = await askForFile('expired')
  const person = await world.approver()
  const form = await person.formOf(`/approvals/${id}`)
  world.clock.advance(LIMITS.actionLife - 5_000)
  assert.equal(await stateOf(id), 'pending_approval')
  world.clock.advance(5_001)
  assert.equal(await world.mcp.code('approve_action', { action_id: id, decision: 'approve' }), 'ACTION_EXPIRED')
  assert.equal(await stateOf(id), 'expired')
  const late = await person.post(`/approvals/${id}`, { ...form, decision: 'approve', code: person.code() })
  assert.equal(late.status, 409)
  assert.equal(await world.mcp.code('cancel_action', { action_id: id }), 'ACTION_EXPIRED')
  assert.equal(made(), false)
})
