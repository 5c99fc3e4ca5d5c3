// A host in signed mode, from the request to the run: the real Central, the real agent, and the approver's own tool.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Approval, runDigest } from '#proto/contract/approval.ts'
import { type Grant, signGrant } from '#proto/contract/grant.ts'
import { runsOnHost } from '../../central/domain/action.ts'
import { COMMANDS, type Terminal } from '../../install/approver/approver.ts'
import { readKept } from '../../install/approver/keeper.ts'
import { createAuthenticator } from '../central/identity/authenticator.ts'
import { createApprover, type TestApprover } from '../helpers/approver.ts'
import { until } from '../helpers/fleet.ts'
import { verifies } from './requirements.ts'
import { startWorld, type World } from './world.ts'

const TOOL = fileURLToPath(new URL('../../install/approver/main.ts', import.meta.url))

let world: World
let home: string
let key: string
let passkeyOwner: Awaited<ReturnType<World['booted']['member']>>
let authenticator: ReturnType<typeof createAuthenticator>
before(async () => {
  world = await startWorld()
  home = mkdtempSync(join(tmpdir(), 'mttrly-approver-'))
  const person = await world.booted.member('signer', 'approver')
  key = await world.booted.apiKey(person.userId)
})
after(async () => {
  rmSync(home, { recursive: true, force: true })
  await world.stop()
})

/** The tool as a process of its own, with nobody at a terminal. */
async function tool(words: readonly string[], input = '') {
  const args = ['--disable-warning=ExperimentalWarning', TOOL, '--home', home, ...words]
  const child = spawn(process.execPath, args, { stdio: 'pipe' })
  child.stdin.end(input)
  const status = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { status: await status, stdout, stderr }
}

/** What a person at the terminal sees and answers. */
async function atTerminal(words: readonly string[], answer: string): Promise<string> {
  const [verb = '', ...rest] = words
  const lines: string[] = []
  const terminal: Terminal = {
    print: (line) => void lines.push(line),
    ask: async () => answer,
    secret: async () => '',
  }
  await COMMANDS[verb]?.run(rest, { home }, terminal)
  return lines.join('\n')
}

async function restartHost(): Promise<void> {
  await world.host.stop()
  world.host.start()
  await world.host.online()
}

const send = (id: string, approval: Approval, token: string): Promise<Response> =>
  fetch(new URL(`/approver/actions/${id}`, world.booted.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(approval),
  })
const saidTo = async (response: Response): Promise<string> =>
  ((await response.json()) as { details: { why: string } }).details.why
const whyOf = async (response: Response): Promise<string> => {
  const { code, details } = (await response.json()) as { code: string; details?: { reason?: string } }
  return [code, details?.reason].filter(Boolean).join(' ')
}

async function runOf(actionId: string) {
  const { spec, server_id, id } = await world.booted.central.approvals.get(world.booted.workspaceId, actionId)
  assert.ok(runsOnHost(spec))
  return { ...spec, argv: [...spec.argv], env: { ...spec.env }, server_id, action_id: id }
}

/** How a client sees that a server believes signatures alone, wherever it reads an action that waits. */
async function clientsAreTold(id: string, approvals: string, next: RegExp): Promise<void> {
  const { mcp, host } = world
  assert.equal((await mcp.value('get_server_status', { server_id: host.serverId })).approvals, approvals)
  const { actions } = (await mcp.value('get_pending_actions', {})) as { actions: { next_step: string }[] }
  assert.match(actions[0]?.next_step ?? '', next)
  const waited = await mcp.value('approve_action', { action_id: id, decision: 'approve', wait_s: 1 })
  assert.match(String(waited.next_step), next)
}

verifies(
  'approvals:signed-hosts-run-only-what-was-signed',
  'while the host asks for no signature, none decides anything',
  async () => {
    const thief = createApprover('thief')
    const id = await world.ask(`touch ${world.host.work('unsigned')}`)
    await clientsAreTold(id, 'central', /^A person must approve this at approval_url\./)
    const answer = await send(id, thief.approves(await runOf(id)), key)
    assert.equal(await whyOf(answer), 'FORBIDDEN')
    assert.ok(!existsSync(world.host.work('unsigned')))
  },
)

verifies(
  'approvals:signed-hosts-run-only-what-was-signed',
  'the tool makes a key that nobody else reads, and says what the host must be told',
  async () => {
    const refused = async (words: readonly string[], input: string) => {
      const { status, stdout, stderr } = await tool(words, input)
      assert.deepEqual([status, stdout], [1, ''], stderr)
      return stderr
    }
    const init = (central: string) => ['init', '--central', central, '--name', 'sam']
    assert.match(await refused(init(world.booted.url), '\n'), /one API key/)
    assert.match(await refused(init('http://mttrly.example'), `${key}\n`), /in clear/)
    assert.match(await refused(init(world.booted.url), 'nobody\n'), /AUTH_FAILED .*`login`/)
    assert.ok(!existsSync(join(home, 'approver.json')), 'nothing is kept of what was refused')
    const made = await tool(['init', '--central', world.booted.url, '--name', 'sam'], `${key}\n`)
    assert.equal(made.status, 0, made.stderr)
    assert.equal(statSync(join(home, 'approver.json')).mode & 0o777, 0o600)
    assert.ok(!made.stdout.includes(key) && !made.stdout.includes('PRIVATE'))
    const again = await tool(['init', '--central', world.booted.url, '--name', 'sam'], `${key}\n`)
    assert.equal(again.status, 1, 'a second key')
    assert.match(again.stderr, /`login`/)
    const before = readKept(home)
    assert.match(await refused(['login'], 'nobody\n'), /AUTH_FAILED/)
    assert.equal(readKept(home).token, key)
    const other = await world.booted.apiKey((await world.booted.member('second', 'approver')).userId)
    assert.equal((await tool(['login'], `${other}\n`)).status, 0)
    const { token, key: kept } = readKept(home)
    assert.deepEqual([token, kept.equals(before.key)], [other, true])
    assert.equal((await tool(['login', '--central', world.booted.url], `${key}\n`)).status, 0)
    const { workspaceId, central } = world.booted
    const { passkeys } = central.identity
    passkeyOwner = await world.booted.member('gestures', 'approver')
    const options = await passkeys.registrationOptions({ id: passkeyOwner.userId, email: passkeyOwner.email })
    assert.ok(options)
    authenticator = createAuthenticator(world.booted.url)
    const passkey = await passkeys.register(passkeyOwner.userId, authenticator.register(options), 'laptop')
    assert.ok(passkey?.approver)
    const policy = made.stdout.slice(made.stdout.indexOf('approvals: signed')).trimEnd()
    const second = JSON.stringify({ name: 'gestures', ...passkey.approver })
    writeFileSync(join(world.host.home.config, 'policy.yaml'), `${policy}\n  - ${second}\n`)
    await restartHost()
    await until(async () => (await central.fleet.get(workspaceId, world.host.serverId))?.approvers?.length === 2)
  },
)

verifies(
  'approvals:signed-hosts-run-only-what-was-signed',
  'a code on the page decides nothing there, and the page says what does',
  async () => {
    const id = await world.ask(`touch ${world.host.work('by-code')}`)
    await clientsAreTold(id, 'signed', new RegExp(`^An approver that the server's own policy names.* -- sign ${id}`))
    const person = await world.approver()
    const page = await (await person.get(`/approvals/${id}`)).text()
    const hash = runDigest(await runOf(id))
    assert.match(page, new RegExp(`Run SHA-256</span> <code[^>]*>${hash}<`))
    assert.ok(!page.includes('All that is signed'))
    assert.match(await atTerminal(['show', id], ''), new RegExp(`^Run +SHA-256 ${hash}$`, 'm'))
    assert.match(page, new RegExp(`npm run approver -- sign ${id}`))
    assert.ok(!page.includes('One-time code'))
    const answer = await person.decide(id, 'approve')
    assert.equal(answer.status, 409)
    assert.match(await answer.text(), /runs only what one of its own approvers has signed/)
    const { central, workspaceId } = world.booted
    assert.equal((await central.approvals.get(workspaceId, id)).state, 'pending_approval')
  },
)

verifies(
  'approvals:signed-hosts-run-only-what-was-signed',
  'who sees the bytes and signs them has them run, once',
  async () => {
    const effect = world.host.work('by-signature')
    const id = await world.ask(`printf '%s\\n' ran >> ${effect}; : $'\\e[2K'`, { reason: 'so\nServer srv_other' })
    assert.match((await tool(['list'])).stdout, new RegExp(id))
    const unattended = await tool(['sign', id], 'yes\n')
    assert.deepEqual([unattended.status, unattended.stderr], [1, 'Signing needs a person at a terminal.\n'])
    await assert.rejects(atTerminal(['sign', id], 'no'), /Nothing was signed/)

    await tool(['name', world.host.serverId, 'my-own-name'])
    const said = await atTerminal(['sign', id], 'yes')
    assert.match(said, new RegExp(`^Server +${world.host.serverId} \\(my-own-name\\)$`, 'm'))
    assert.ok(said.includes(`    | printf '%s\\\\n' ran >> ${effect}; : $'\\\\e[2K'`), said)
    assert.match(said, /^ {4}\| Reason: so\\n$/m)
    assert.doesNotMatch(said, /^Server srv_other/m)
    const ended = await world.ended(id)
    assert.equal(ended.status, 'succeeded', JSON.stringify(ended))
    assert.equal(ended.decided_by, 'signer@example.org')
    await assert.rejects(atTerminal(['sign', id], 'yes'), /does not wait any more/)
    assert.equal(statSync(effect).size, 4)
  },
)

verifies(
  'approvals:signed-hosts-run-only-what-was-signed',
  'a gesture with a passkey that the host knows will do, one without its owner verified will not',
  async () => {
    const id = await world.ask(`touch ${world.host.work('by-gesture')}`)
    const path = `/approvals/${id}`
    await passkeyOwner.signIn()
    assert.match(await (await passkeyOwner.get('/account')).text(), /As an approver of a server in signed mode/)
    const { csrf = '' } = await passkeyOwner.formOf(path)
    const challenge = async () =>
      (await (await passkeyOwner.post(`${path}/challenge`, { csrf })).json()) as {
        challenge: string
        userVerification: string
      }
    const asked = await challenge()
    assert.deepEqual([asked.userVerification, (await challenge()).challenge], ['required', asked.challenge])
    const decide = (answer: object) => passkeyOwner.decide(id, 'approve', { code: '', passkey: JSON.stringify(answer) })
    assert.equal((await decide(authenticator.answer(asked, { verified: false }))).status, 409)
    assert.equal((await decide(authenticator.answer({ challenge: 'AAAA' }))).status, 409)
    const other = createAuthenticator(world.booted.url)
    assert.equal((await decide(other.answer(asked))).status, 422)
    const thief = await world.approver()
    const stolen = JSON.stringify(authenticator.answer(asked))
    assert.equal((await thief.decide(id, 'approve', { code: '', passkey: stolen })).status, 422, 'of another person')
    assert.equal((await decide(authenticator.answer(asked))).status, 303)
    const ended = await world.ended(id)
    assert.deepEqual([ended.status, ended.decided_by], ['succeeded', passkeyOwner.email])
    assert.ok(existsSync(world.host.work('by-gesture')))
  },
)

verifies(
  'approvals:signed-hosts-run-only-what-was-signed',
  'Central lets no other signature, and no other credential, use an action up',
  async () => {
    const effect = world.host.work('thieves')
    const id = await world.ask(`touch ${effect}`)
    const run = await runOf(id)
    const thief: TestApprover = createApprover('thief')
    assert.equal(await whyOf(await send(id, thief.approves(run), key)), 'POLICY_DENIED approver_unknown')
    const asked = await send(id, thief.approves(run), world.key)
    assert.equal(asked.status, 403)
    assert.match(await saidTo(asked), /credential that asked cannot approve.*approver -- login/)
    const viewer = await world.booted.member('looks', 'viewer')
    assert.equal(
      await whyOf(await send(id, thief.approves(run), await world.booted.apiKey(viewer.userId))),
      'FORBIDDEN',
    )
    const { userId } = await world.booted.member('reads', 'approver')
    const reads = await world.booted.apiKey(userId, ['read'])
    assert.match(await saidTo(await send(id, thief.approves(run), reads)), /lacks the scope execute/)
    assert.equal(await whyOf(await send(id, thief.approves(run), 'nobody')), 'AUTH_FAILED')
    const seen = await fetch(new URL(`/approver/actions/${id}`, world.booted.url), {
      headers: { authorization: `Bearer ${reads}` },
    })
    assert.equal(seen.status, 403)
  },
)

verifies(
  'approvals:signed-hosts-run-only-what-was-signed',
  'whoever is Central, with its keys and its stream, has nothing run',
  async () => {
    const { central } = world.booted
    const effect = world.host.work('stolen-central')
    const grant: Grant = {
      ...{ version: 1, kind: 'command', action_id: 'act_stolen', server_id: world.host.serverId },
      ...{ argv: ['/usr/bin/touch', effect], cwd: '/', env: {}, user: '', terminal: false, timeout_ms: 5_000 },
      ...{ start_before: Date.now() + 60_000, nonce: 'n'.repeat(22) },
    }
    const thief = createApprover('thief')
    for (const [at, approval] of [undefined, thief.approves(grant)].entries()) {
      const id = `act_stolen${at}`
      const signed = signGrant({ ...grant, action_id: id, ...(approval && { approval }) }, central.keys.actionKey)
      await assert.rejects(
        central.relay.call(world.host.serverId, 'commands.act', { ...signed, outputFrom: 0 }, { id }),
        ({ code, details }: { code: string; details: { reason: string; next: string } }) =>
          code === 'POLICY_DENIED' && /^approv/.test(details.reason) && /npm run approver/.test(details.next),
      )
    }
    assert.ok(!existsSync(effect))
  },
)
