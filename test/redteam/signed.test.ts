// Central as a weapon, against a host with `approvals: signed`: whoever holds Central's database, action key and authority
// has every grant signed that they can think of, and nothing runs that no approver of the host has signed.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Approval } from '#proto/contract/approval.ts'
import { keyIdOf, sha256 } from '#proto/contract/canonical.ts'
import type { Grant } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { refuseWrite } from '../../agent/guard/file-rules.ts'
import { compilePolicy } from '../../agent/guard/policy.ts'
import { type ActLane, actLane, readLaw } from '../../agent/lanes/act-lane.ts'
import { createActStore } from '../../agent/lanes/act-store.ts'
import type { Caller } from '../../agent/lanes/caller.ts'
import { laneSettings } from '../../agent/lanes/settings.ts'
import { readTrust } from '../../agent/lanes/trust.ts'
import { createApprover, gesture, type TestApprover } from '../helpers/approver.ts'
import { grantOf, type LaneHome, makeLaneHome } from '../helpers/lane.ts'

const SITE = 'https://mttrly.example'
const NEVER = new AbortController().signal
const NOBODY: Caller = {
  request: async () => undefined,
  cancelled: NEVER,
  gone: NEVER,
  output: async () => {},
  say: async () => {},
  close: async () => {},
}

describe('with the action key in hand, on a host in signed mode', () => {
  let home: LaneHome
  let anna: TestApprover
  let passkey: TestApprover
  let effect: string
  before(() => {
    home = makeLaneHome()
    anna = createApprover('anna')
    passkey = createApprover('bert', SITE)
    effect = join(home.root, 'effect')
  })
  after(() => home.remove())
  beforeEach(() => {
    rmSync(effect, { force: true })
    policy(`approvals: signed\napprovers: [${anna.entry}, ${passkey.entry}]`)
  })
  const policy = (text: string) => writeFileSync(join(home.configDirectory, 'policy.yaml'), text)
  const wanted = (over: Partial<Grant> = {}): Grant => grantOf({ argv: ['/usr/bin/touch', effect], ...over })

  /** How the lane answers a grant that Central signs; `ran` when the effect is there. In this process: nothing of the host is needed. */
  async function ask(grant: Grant, now?: () => number): Promise<string> {
    const answer = await actLane({ do: 'run', ...home.signed(grant).words }, NOBODY, lane(now))
    if ('refusal' in answer) {
      assert.ok(!existsSync(effect), 'refused, and it ran')
      return `${answer.refusal.code} ${answer.refusal.details.reason}`
    }
    assert.equal('outcome' in answer && answer.outcome.state, 'RUN_STATE_EXITED')
    return existsSync(effect) ? 'ran' : 'did not run'
  }
  function lane(now = Date.now): ActLane {
    const directory = join(home.dataDirectory, 'act')
    const store = createActStore({ directory })
    const { settings } = laneSettings(['act', ...home.args])
    return { settings, store, trust: readTrust(directory), now, step: () => {} }
  }
  const carrying = (approval: Approval, grant = wanted(), now?: () => number) => ask({ ...grant, approval }, now)

  test('what an approver signed runs: with a key, and with a passkey', async () => {
    for (const approver of [anna, passkey]) {
      const grant = wanted()
      assert.equal(await carrying(approver.approves(grant), grant), 'ran')
    }
  })

  test('nothing runs without a signature: no command, no update, no repair, no removal, no file, no script', async () => {
    const program = '/usr/local/sbin/mttrly-agent'
    for (const argv of [
      ['/usr/bin/touch', effect],
      [program, 'update', '--to', '9.9.9', '--manifest', '0'.repeat(64)],
      [program, 'repair', '--strategy', 'full_convergence', '--plan', '0'.repeat(64)],
      [program, 'uninstall'],
      [program, 'write-file', '/etc/mttrly/policy.yaml', '--expect', 'none'],
      ['/bin/sh'],
    ])
      assert.equal(await ask(wanted({ argv, input: 'aWQ=' })), 'POLICY_DENIED approval_missing')
  })

  test('nor with what Central can make of signatures it has, or makes itself', async () => {
    const grant = wanted()
    const good = anna.approves(grant)
    const thief = createApprover('thief')
    const cases: Record<string, [Approval, string]> = {
      "a stranger's": [thief.approves(grant), 'approver_unknown'],
      "a stranger's, under the name of one who is known": [
        { ...thief.approves(grant), key_id: good.key_id },
        'approval_signature',
      ],
      'of another action': [anna.approves(wanted()), 'approval_of_another'],
      'of another server': [anna.approves({ ...grant, server_id: `srv_${'2'.repeat(32)}` }), 'approval_of_another'],
      'of something else than an approval': [anna.approves(grant, { purpose: 'sign-in' }), 'approval_form'],
      'with more in it': [anna.approves(grant, { bypass: true }), 'approval_form'],
      'in another spelling': [anna.signs(` ${good.statement}`), 'approval_form'],
      'over no JSON': [anna.signs('yes'), 'approval_form'],
      'that is too late': [anna.approves(grant, { not_after: Date.now() - 1 }), 'approval_expired'],
      'for ever': [anna.approves(grant, { not_after: Date.now() + 2 * LIMITS.grantRemembered }), 'approval_expired'],
      'that was changed': [
        { ...good, statement: good.statement.replace(/\d+(?=,"purpose)/, '9999999999999') },
        'approval_signature',
      ],
    }
    for (const [name, [approval, why]] of Object.entries(cases))
      assert.equal(await carrying(approval, grant), `POLICY_DENIED ${why}`, name)
    assert.equal(await carrying(good, grant), 'ran', 'what the cases are variants of')
  })

  test('a signature holds for what it was made for, word for word', async () => {
    const grant = wanted({ input: 'eA==', env: { A: '1' } })
    const good = anna.approves(grant)
    const { input: _, ...without } = grant
    const changes: Partial<Grant>[] = [
      { argv: [...grant.argv, join(home.root, 'more')] },
      { argv: [grant.argv.join(' ')] },
      { input: 'eQ==' },
      { cwd: '/tmp' },
      { env: {} },
      { env: { A: '1', LD_PRELOAD: '/tmp/x.so' } },
      { user: 'nobody' },
      { timeout_ms: grant.timeout_ms + 1 },
    ]
    for (const change of changes)
      assert.equal(
        await carrying(good, { ...grant, ...change }),
        'POLICY_DENIED approval_of_another',
        JSON.stringify(change),
      )
    assert.equal(await carrying(good, { ...without, terminal: true }), 'POLICY_DENIED approval_of_another')
    assert.equal(await carrying(good, grant), 'ran')
  })

  test('a signature is good for one run, whatever Central signs anew and has forgotten, for as long as it holds', async () => {
    const grant = wanted({ start_before: Date.now() + 1_000 })
    const good = anna.approves(grant, { not_after: Date.now() + LIMITS.grantRemembered })
    assert.equal(await carrying(good, grant), 'ran')
    rmSync(effect)
    const { words } = home.signed({ ...grant, approval: good })
    const later = () => Date.now() + LIMITS.grantRemembered + 2_000
    const anew = { ...grant, nonce: 'another-nonce-of-central', start_before: later() + 60_000 }
    await actLane({ do: 'forget', grants: [words.grant] }, NOBODY, lane())
    assert.equal(await carrying(good, anew), 'POLICY_DENIED grant_used')
    await actLane({ do: 'forget', grants: [] }, NOBODY, lane(later))
    assert.equal(await carrying(good, anew, later), 'POLICY_DENIED approval_expired')
  })

  test('nor when a lane ends, or another one works, amid the removal of what Central wants forgotten', async () => {
    const grant = wanted()
    const good = anna.approves(grant)
    // Central's own: a settled action that never ran, and is too old to be remembered.
    const { words } = home.signed({ ...grant, start_before: 0 })
    const forgotten = join(home.dataDirectory, 'act', `${sha256(grant.action_id)}.forgotten`)
    await actLane({ do: 'settle', ...words }, NOBODY, lane())
    const { store } = lane()
    store.forget(grant)
    const kept = readFileSync(forgotten)
    store.prune(Date.now() + 2 * LIMITS.grantRemembered)
    writeFileSync(forgotten, kept) // the last to be removed
    assert.equal(await carrying(good, grant), 'ran')
    rmSync(effect)
    await actLane({ do: 'forget', grants: [words.grant] }, NOBODY, lane())
    const anew = { ...grant, nonce: 'a-third-nonce-of-central' }
    assert.equal(await carrying(good, anew), 'POLICY_DENIED grant_used')
    const spent = join(home.dataDirectory, 'act', `${sha256(good.statement)}.approval`)
    store.prune(Date.now() + LIMITS.approvalLife + LIMITS.grantRemembered - 10_000)
    assert.ok(existsSync(spent), 'a clock that was wrong for less than a day')
    store.prune(Date.now() + LIMITS.approvalLife + LIMITS.grantRemembered)
    assert.ok(!existsSync(spent))
  })

  test('a gesture holds on its site, for its statement, of a person who was there', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    policy(`approvals: signed\napprovers: [${JSON.stringify({ name: 'carla', key, origin: SITE })}]`)
    const grant = wanted()
    const { statement } = anna.approves(grant)
    const asked = (more: Parameters<typeof gesture>[3], origin = SITE) =>
      carrying({ statement, key_id: keyIdOf(publicKey), ...gesture(statement, origin, privateKey, more) }, grant)
    const refused = 'POLICY_DENIED approval_signature'
    assert.equal(await asked({ over: { type: 'webauthn.create' } }), refused)
    assert.equal(await asked({ over: { challenge: 'AAAA' } }), refused)
    assert.equal(await asked({ over: { origin: 'https://evil.example' } }), refused)
    assert.equal(await asked({ over: { crossOrigin: true } }), refused)
    assert.equal(await asked({ rpId: 'evil.example' }), refused)
    assert.equal(await asked({}, 'https://evil.example'), refused)
    for (const flags of [0x00, 0x01, 0x04]) assert.equal(await asked({ flags }), refused, `flags ${flags}`)
    assert.equal(await asked({}), 'ran')
  })

  test('an approval that is carried must hold also where none is asked for: Central may be behind the times', async () => {
    policy('approvals: central')
    assert.equal(await carrying(anna.approves(wanted())), 'POLICY_DENIED approver_unknown')
    assert.equal(await ask(wanted()), 'ran')
  })

  test('a policy that cannot be understood lets nothing run, signed or not', async () => {
    const { key } = anna
    for (const text of [
      'approvals: signed',
      'approvals: Signed',
      'approvals: true',
      'approvals: signed\napprovers: []',
      `approvals: signed\napprovers: ${anna.entry}`,
      'approvals: signed\napprovers: [anna]',
      `approvals: signed\napprovers: [{ name: anna, key: ${key.slice(4)} }]`,
      `approvals: signed\napprovers: [{ name: anna, key: ${key}, origin: https://mttrly.example/path }]`,
      `approvals: signed\napprovers: [{ name: anna, key: ${passkey.key} }]`,
      `approvals: signed\napprovals: central\napprovers: [${anna.entry}]`,
    ]) {
      policy(text)
      const grant = wanted()
      assert.match(await carrying(anna.approves(grant), grant), /^POLICY_DENIED policy\.yaml /, text)
    }
  })

  test('a policy that is lost, emptied, made anew or half written is no way out of signed mode', async () => {
    const path = join(home.configDirectory, 'policy.yaml')
    const shipped = readFileSync('install/agent/policy.yaml', 'utf8')
    const signed = readFileSync(path, 'utf8')
    await readLaw(lane()) // as when the daemon starts
    for (const text of ['', '\n', shipped, 'read_only: false\n', signed.slice(0, -1), 'approvers: []'])
      for (const approved of [false, true]) {
        policy(text)
        const grant = wanted(approved ? {} : { input: 'aWQ=' })
        assert.match(
          await (approved ? carrying(anna.approves(grant), grant) : ask(grant)),
          /^POLICY_DENIED (approvals_unstated|policy)/,
          text,
        )
      }
    rmSync(path)
    assert.equal(await ask(wanted()), 'POLICY_DENIED approvals_unstated')
    symlinkSync('/nowhere', path)
    assert.match(await ask(wanted()), /^POLICY_DENIED policy\.yaml is a link/)
    rmSync(path)
    policy('approvals: central')
    assert.equal(await ask(wanted()), 'ran', 'the owner has said so')
    rmSync(effect)
    rmSync(path)
    assert.equal(await ask(wanted()), 'ran', 'and it is not forgotten')
  })

  test('no file rule lets the policy be written, named in full or not', () => {
    const answer = compilePolicy({ files: { managed: ['/etc/mttrly/policy.yaml', '/etc/**'] } })
    assert.ok(answer.ok)
    for (const path of ['/etc/mttrly/policy.yaml', '/etc/mttrly/other'])
      assert.equal(refuseWrite(answer.policy.files, path), 'ours')
  })
})
