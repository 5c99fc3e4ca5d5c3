import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { EnrolmentAnswer } from '#proto/contract/enrolment.ts'
import { parseConfig } from '../../agent/config.ts'
import { enrol, enrolmentUrl } from '../../agent/enrol.ts'
import { certificates } from '../../agent/identity/certificates.ts'
import { createIdentityStore, halfLife } from '../../agent/identity/identity.ts'
import { createSigningRequest } from '../../agent/identity/signing-request.ts'
import { createRenewal } from '../../agent/link/renewal.ts'
import { type FakeCentral, startFakeCentral } from '../helpers/fake-central.ts'
import { type AgentHome, makeAgentHome, removeAgentHome, startAgent } from '../helpers/real-agent.ts'

const quiet = { info() {}, warn() {}, error() {} }

describe('enrolment', () => {
  let central: FakeCentral
  let other: FakeCentral
  let home: AgentHome
  type Enrolled = { status?: number; body: unknown }
  let change: (answer: EnrolmentAnswer) => Enrolled | Promise<Enrolled> = (body) => ({ body })
  before(async () => {
    central = await startFakeCentral({ enrolment: (answer) => change(answer) })
    other = await startFakeCentral()
  })
  after(async () => {
    await central.stop()
    await other.stop()
  })
  beforeEach(() => {
    home = makeAgentHome()
    change = (body) => ({ body })
  })
  afterEach(() => removeAgentHome(home))
  const options = (over = {}) => ({
    central: central.url,
    token: central.token,
    dataDirectory: home.data,
    replace: false,
    now: Date.now(),
    ...over,
  })

  it('leaves an identity that fits, and a pinned action key', async () => {
    assert.deepEqual(await enrol(options()), { ok: true, serverId: central.serverId, linkAddress: central.linkAddress })
    const identity = createIdentityStore({ directory: home.data }).read()
    assert.equal(identity?.serverId, central.serverId)
    assert.equal(
      JSON.parse(readFileSync(join(home.data, 'act', 'trust.json'), 'utf8')).actionKeyPem,
      central.actionKeyPem,
    )
    assert.equal(readFileSync(join(home.data, 'host-key')).length, 32)
  })

  it('is not done twice by accident', async () => {
    await enrol(options())
    const before = readFileSync(join(home.data, 'identity.json'), 'utf8')
    const again = await enrol(options())
    assert.equal(!again.ok && again.why, 'enrolled')
    assert.equal(readFileSync(join(home.data, 'identity.json'), 'utf8'), before)
    assert.equal((await enrol(options({ replace: true }))).ok, true)
  })

  const lies: Record<string, (answer: EnrolmentAnswer) => Promise<unknown> | unknown> = {
    'a CA that the token does not name': (answer) => ({ ...answer, ca_pem: other.ca.certificatePem }),
    'a certificate of another CA': async (answer) => ({
      ...answer,
      certificate_pem: await other.certify(createSigningRequest().csrPem),
    }),
    'a certificate for another key': async (answer) => ({
      ...answer,
      certificate_pem: await central.certify(createSigningRequest().csrPem),
    }),
    'a certificate for another server': (answer) => ({ ...answer, server_id: 'srv_other' }),
    'something that is no enrolment': () => ({ hello: true }),
    'one larger than any': (answer) => ({ ...answer, more: 'x'.repeat(2_000_000) }),
  }
  for (const [name, lie] of Object.entries(lies)) {
    it(`refuses ${name}, and keeps nothing`, async () => {
      change = async (answer) => ({ body: await lie(answer) })
      const result = await enrol(options())
      assert.equal(!result.ok && result.why, 'answer')
      assert.equal(existsSync(join(home.data, 'identity.json')), false)
    })
  }

  it('tells what Central said, and when nobody is there', async () => {
    change = () => ({ status: 401, body: { code: 'AUTH_FAILED' } })
    assert.deepEqual(await enrol(options()), { ok: false, why: 'refused', detail: 'AUTH_FAILED' })
    change = () => ({ status: 401, body: { code: 'AUTH_FAILED', details: { why: 'Make a new token.' } } })
    assert.deepEqual(await enrol(options()), { ok: false, why: 'refused', detail: 'AUTH_FAILED: Make a new token.' })
    change = () => ({ status: 401, body: { code: 'AUTH_FAILED', details: { why: '\u001b[31mred' } } })
    assert.deepEqual(await enrol(options()), { ok: false, why: 'refused', detail: 'AUTH_FAILED' })
    const nobody = await enrol(options({ central: 'http://127.0.0.1:1' }))
    assert.equal(!nobody.ok && nobody.why, 'unreachable')
    const noToken = await enrol(options({ token: 'mtti_short' }))
    assert.equal(!noToken.ok && noToken.why, 'token')
  })

  it('sends no token over a network in the clear', () => {
    assert.equal(enrolmentUrl('http://central.example.org'), undefined)
    assert.equal(enrolmentUrl('ftp://localhost'), undefined)
    assert.equal(enrolmentUrl('nonsense'), undefined)
    assert.equal(enrolmentUrl('https://central.example.org')?.href, 'https://central.example.org/v1/enrol')
    assert.equal(enrolmentUrl('http://localhost:8080')?.port, '8080')
  })

  it('works from the command line, with the token on standard input', async () => {
    const agent = startAgent(home, ['enrol', '--central', central.url, '--token-stdin'], `${central.token}\n`)
    assert.equal(await agent.exited, 0, agent.log.join(''))
    assert.ok(!agent.log.join('').includes(central.token))
    const status = startAgent(home, ['status'])
    assert.equal(await status.exited, 0)
    assert.equal(JSON.parse(status.stdout.join('')).server_id, central.serverId)
  })

  it('says which server the act lane believes to be, whatever stands in the files of the daemon', async () => {
    const enrolled = startAgent(home, ['enrol', '--central', central.url, '--token-stdin'], `${central.token}\n`)
    assert.equal(await enrolled.exited, 0, enrolled.log.join(''))
    const path = join(home.data, 'identity.json')
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(central.serverId, `srv_${'9'.repeat(32)}`))
    const status = startAgent(home, ['status'])
    assert.equal(await status.exited, 0)
    assert.equal(JSON.parse(status.stdout.join('')).server_id, central.serverId)
  })

  it('exit codes tell what went wrong', async () => {
    const code = (args: string[], input?: string) => startAgent(home, args, input).exited
    assert.equal(await code(['nonsense']), 2)
    assert.equal(await code(['enrol', '--central', central.url]), 2)
    assert.equal(await code(['run']), 3)
    assert.equal(await code(['status']), 3)
    assert.equal(await code(['enrol', '--central', central.url, '--token-stdin'], 'wrong'), 4)
    assert.equal(await code(['enrol', '--central', 'http://127.0.0.1:1', '--token-stdin'], central.token), 5)
  })

  describe('renewal', () => {
    const makeRenewal = (now: () => number) => {
      const store = createIdentityStore({ directory: home.data })
      const identity = store.read()
      assert.ok(identity)
      return {
        store,
        identity,
        renewal: createRenewal({
          store,
          identity,
          clock: { now },
          log: quiet,
          certificates,
        }),
      }
    }
    const candidateFor = async (renewal: ReturnType<typeof makeRenewal>['renewal']) =>
      renewal.received(await central.certify(renewal.request()?.certificateRequest?.csrPem ?? ''))
    const late = () => Date.now() + 16 * 24 * 3_600_000
    beforeEach(async () => {
      await enrol(options())
    })

    it('is asked for past the middle of a certificate’s life', () => {
      const { renewal } = makeRenewal(Date.now)
      assert.equal(renewal.request(), undefined)
      assert.match(makeRenewal(late).renewal.request()?.certificateRequest?.csrPem ?? '', /BEGIN CERTIFICATE REQUEST/)
    })
    it('leaves a working identity when it is cut off before the candidate was tried', async () => {
      const { renewal, identity } = makeRenewal(late)
      assert.equal(await candidateFor(renewal), true)
      const after = makeRenewal(late)
      assert.deepEqual(after.store.read(), identity)
      const first = after.renewal.next()
      assert.notEqual(first.candidate, undefined)
      const second = after.renewal.next()
      assert.deepEqual([second.candidate, second.identity.keyPem], [undefined, identity.keyPem])
    })
    it('makes the candidate who we are once it has opened a stream', async () => {
      const { renewal, store } = makeRenewal(late)
      await candidateFor(renewal)
      const { candidate } = renewal.next()
      renewal.opened(candidate)
      assert.deepEqual([store.read()?.keyPem, store.candidate()], [candidate?.keyPem, undefined])
    })
    it('is not asked for again at once by a clock that is weeks ahead', async () => {
      let now = late()
      const { renewal } = makeRenewal(() => now)
      await candidateFor(renewal)
      renewal.opened(renewal.next().candidate)
      assert.equal(renewal.request(), undefined)
      now += 3_600_000
      assert.notEqual(renewal.request(), undefined)
    })
    it('does not need a candidate that can be read, nor a disk that has room', async () => {
      const { renewal, store, identity } = makeRenewal(late)
      writeFileSync(join(options().dataDirectory, 'candidate.json'), '\0\0')
      assert.equal(renewal.next().identity.keyPem, identity.keyPem)
      const full = (): never => {
        throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      }
      const { propose } = store
      store.propose = full
      assert.equal(await candidateFor(renewal), false)
      store.propose = propose
      assert.equal(await candidateFor(renewal), true)
      renewal.next() // it takes turns
      const { candidate } = renewal.next()
      store.commit = full
      renewal.opened(candidate)
      assert.deepEqual([store.read()?.keyPem, store.candidate()], [identity.keyPem, candidate])
      assert.equal(renewal.next().identity.keyPem, candidate?.keyPem)
    })
    it('does not undo an enrolment as another server', async () => {
      const { renewal, store, identity } = makeRenewal(late)
      await candidateFor(renewal)
      const other = { ...identity, serverId: 'srv_other' }
      store.write(other)
      renewal.opened(renewal.next().candidate)
      assert.deepEqual(store.read(), other)
      const started = makeRenewal(late).renewal.next()
      assert.deepEqual([started.candidate, started.identity], [undefined, other], 'nor speak as the old one')
    })
    it('drops a candidate that does not open one when we do ourselves', async () => {
      const { renewal, store, identity } = makeRenewal(late)
      await candidateFor(renewal)
      renewal.next()
      renewal.opened(renewal.next().candidate)
      assert.deepEqual([store.read(), store.candidate()], [identity, undefined])
    })
    it('takes no certificate that it did not ask for, nor one that does not fit', async () => {
      const { renewal, store } = makeRenewal(late)
      const foreign = await central.certify(createSigningRequest().csrPem)
      assert.equal(renewal.received(foreign), false)
      renewal.request()
      assert.equal(renewal.received(foreign), false)
      renewal.request()
      assert.equal(renewal.received('nonsense'), false)
      assert.equal(store.candidate(), undefined)
    })
    it('is due in the middle', () => {
      const pem = makeRenewal(Date.now).identity.certificatePem
      const { validFromDate, validToDate } = new X509Certificate(pem)
      assert.equal(halfLife(pem) - validFromDate.getTime(), validToDate.getTime() - halfLife(pem))
    })
    it('says when the identity file is damaged', () => {
      writeFileSync(join(home.data, 'identity.json'), '{"serverId":"srv"}')
      assert.throws(() => createIdentityStore({ directory: home.data }).read(), /damaged/)
    })
  })
})

describe('settings', () => {
  const parse = (args: string[], env = {}, uid = 0) => parseConfig(args, env, uid)
  it('come from arguments, then the environment, then defaults, and are frozen', () => {
    const byDefault = parse([])
    assert.ok(byDefault.ok && Object.isFrozen(byDefault.config))
    assert.deepEqual(
      [byDefault.config.command, byDefault.config.dataDirectory, byDefault.config.configDirectory],
      ['run', '/var/lib/mttrly-agent', '/etc/mttrly'],
    )
    const given = parse(['run', '--data', '/a', '--hide', '/b', '--hide', '/c'], {
      MTTRLY_AGENT_DATA: '/e',
      MTTRLY_AGENT_CONFIG: '/f',
    })
    assert.ok(given.ok)
    assert.deepEqual(
      [given.config.dataDirectory, given.config.configDirectory, given.config.hidden],
      ['/a', '/f', ['/b', '/c']],
    )
    const own = parse([], { XDG_STATE_HOME: '/s' }, 1000)
    assert.equal(own.ok && own.config.dataDirectory, '/s/mttrly-agent')
  })
  it('that make no sense are refused', () => {
    const wrong = [
      ['walk'],
      ['run', 'fast'],
      ['--no-such'],
      ['--hide', 'relative'],
      ['enrol'],
      ['enrol', '--central', 'u'],
      ['enrol', '--central', 'u', '--token-stdin', '--token-file', 'f'],
    ]
    for (const args of wrong) assert.equal(parse(args).ok, false, args.join(' '))
  })
})
