import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import Fastify from 'fastify'
import { ENROLMENT_PATH } from '#proto/contract/enrolment.ts'
import { CatalogueError, ERRORS, type ErrorCode } from '#proto/contract/errors.ts'
import { keyIdOf } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { JsonValue } from '../../../central/bus/bus.ts'
import { createId } from '../../../central/domain/ids.ts'
import { agentOf } from '../../../central/fleet/ca.ts'
import { registerFleetRoutes } from '../../../central/fleet/routes.ts'
import { createCsr } from '../../helpers/csr.ts'
import { type BootedFleet, type BootOptions, bootFleet } from '../../helpers/fleet.ts'

const open: BootedFleet[] = []
const boot = async (options?: BootOptions) => {
  const booted = await bootFleet(options)
  open.push(booted)
  return booted
}
afterEach(async () => {
  for (const booted of open.splice(0)) await booted.stop()
})

const refusedWith = (code: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof CatalogueError, String(error))
  assert.equal(error.code, code)
  return true
}

const tokenOf = async ({ fleet, workspaceId }: BootedFleet, serverId?: string) =>
  (await fleet.createInstallToken({ workspaceId, createdBy: 'usr_x', ...(serverId && { serverId }) })).token

describe('enrolment', () => {
  test('a token makes a host a server', async () => {
    const booted = await boot()
    const { csrPem } = await createCsr()
    const answer = await booted.fleet.enrol({
      token: await tokenOf(booted),
      csr_pem: csrPem,
      hostname: 'web\u001b[31m-1',
    })
    assert.deepEqual(agentOf(new X509Certificate(answer.certificate_pem).subjectAltName), {
      workspaceId: booted.workspaceId,
      serverId: answer.server_id,
    })
    assert.equal(answer.ca_pem, booted.keys.ca.certificatePem)
    assert.equal(answer.link_address, `127.0.0.1:${booted.port()}`)
    assert.equal(
      keyIdOf((await import('node:crypto')).createPublicKey(answer.action_key_pem)),
      keyIdOf(booted.keys.actionKey),
    )
    const [server] = await booted.fleet.list(booted.workspaceId)
    assert.deepEqual([server?.id, server?.online, server?.lastSeenAt], [answer.server_id, false, null])
    assert.equal(server?.name, 'web\\u{1b}[31m-1')
  })

  test('the command for a new host carries the token on standard input', async () => {
    const booted = await boot()
    const { token, command } = await booted.fleet.createInstallToken({
      workspaceId: booted.workspaceId,
      createdBy: 'usr_x',
    })
    assert.equal(
      command,
      `printf '%s' '${token}' | npm run agent -- enrol --central 'http://localhost:8080' --token-stdin && npm run agent`,
    )
  })

  test('with a release to install, the command is the installer, and the token follows it on the same pipe', async () => {
    let served = false
    const booted = await boot({ releaseIsServed: () => served })
    const make = () => booted.fleet.createInstallToken({ workspaceId: booted.workspaceId, createdBy: 'usr_x' })
    assert.equal((await make()).from, 'checkout')
    served = true
    const { token, command, from } = await make()
    assert.equal(from, 'release')
    assert.equal(
      command,
      `{ curl -fsSL 'http://localhost:8080/install.sh' && printf '%s\\n' '${token}'; } | bash -s -- --token-stdin`,
    )
  })

  test('a token that is used, expired, wrong, of another Central, or no token: one and the same refusal', async () => {
    const booted = await boot()
    const used = await tokenOf(booted)
    await booted.enrol(used)
    const expired = await tokenOf(booted)
    const good = await tokenOf(booted)
    booted.clock.advance(LIMITS.installTokenLife)
    const fresh = await tokenOf(booted)
    const foreign = fresh.replace(/\.[0-9a-f]{64}$/, `.${'0'.repeat(64)}`)
    const { csrPem } = await createCsr()
    const seen = new Set<string>()
    for (const token of [
      used,
      expired,
      good,
      foreign,
      `mtti_${'A'.repeat(43)}.${booted.keys.ca.fingerprint}`,
      'hello',
      '',
    ]) {
      const error = await booted.fleet.enrol({ token, csr_pem: csrPem, hostname: 'h' }).catch((e: unknown) => e)
      assert.ok(error instanceof CatalogueError, token)
      seen.add(JSON.stringify([error.code, error.message, error.details]))
    }
    assert.deepEqual([...seen], [JSON.stringify(['AUTH_FAILED', ERRORS.AUTH_FAILED.description, {}])])
    await booted.enrol(fresh)
  })

  test('of many who race with one token, one wins', async () => {
    const booted = await boot()
    const token = await tokenOf(booted)
    const csrs = await Promise.all(Array.from({ length: 8 }, () => createCsr()))
    const results = await Promise.allSettled(
      csrs.map(({ csrPem }) => booted.fleet.enrol({ token, csr_pem: csrPem, hostname: 'h' })),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal((await booted.fleet.list(booted.workspaceId)).length, 1)
  })

  test('a bad request for a certificate costs nothing: the token stays good', async () => {
    const booted = await boot()
    const token = await tokenOf(booted)
    await assert.rejects(booted.fleet.enrol({ token, csr_pem: 'x', hostname: 'h' }), refusedWith('VALIDATION_ERROR'))
    await booted.enrol(token)
  })

  test('the plan bounds the servers, also when the last place is raced for, and the token stays good', async () => {
    const booted = await boot({ servers: 1 })
    const [one, two] = [await tokenOf(booted), await tokenOf(booted)]
    const results = await Promise.allSettled([booted.enrol(one), booted.enrol(two)])
    const [failed] = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
    assert.ok(failed)
    refusedWith('PLAN_REQUIRED')(failed.reason)
    assert.deepEqual(failed.reason.details, { resource: 'servers', limit: 1, used: 1, current_plan: 'deployment_bro' })
    await assert.rejects(tokenOf(booted), refusedWith('PLAN_REQUIRED'))
    booted.limits.servers = 2
    await booted.enrol(results[0].status === 'rejected' ? one : two)
  })

  test('when writing fails in the middle nothing has happened, and the token stays good', async () => {
    let broken = true
    const booted = await boot({
      wrapStore: (store) => ({
        ...store,
        transaction: (fn) =>
          store.transaction((tx) =>
            fn({
              ...tx,
              certificates: {
                ...tx.certificates,
                insert: (certificate) =>
                  broken ? Promise.reject(new Error('disk full')) : tx.certificates.insert(certificate),
              },
            }),
          ),
      }),
    })
    const token = await tokenOf(booted)
    await assert.rejects(booted.enrol(token), /disk full/)
    assert.deepEqual(await booted.fleet.list(booted.workspaceId), [])
    broken = false
    await booted.enrol(token)
  })
})

describe('enrolling a known server again', () => {
  test('keeps the server, takes the old certificates back, and needs no place in the plan', async () => {
    const booted = await boot({ servers: 1 })
    const before = await booted.enrol()
    const heard: JsonValue[] = []
    booted.bus.subscribe('certificate_revoked', (message) => heard.push(message))
    const after = await booted.enrol(await tokenOf(booted, before.serverId))
    assert.equal(after.serverId, before.serverId)
    const states = (await booted.store.certificates.ofServer(before.serverId)).map(({ state }) => state)
    assert.deepEqual(states.toSorted(), ['active', 'revoked'])
    assert.equal((await booted.fleet.list(booted.workspaceId)).length, 1)
    assert.deepEqual(heard, [{ server_id: before.serverId }])
  })

  test('a token for one server cannot take over another', async () => {
    const booted = await boot()
    const [mine, other] = [await booted.enrol(), await booted.enrol()]
    const { csrPem } = await createCsr()
    const token = await tokenOf(booted, mine.serverId)
    const answer = await booted.fleet.enrol({ token, csr_pem: csrPem, hostname: other.serverId })
    assert.equal(answer.server_id, mine.serverId)
    assert.deepEqual(
      (await booted.store.certificates.ofServer(other.serverId)).map(({ state }) => state),
      ['active'],
    )
  })

  test('of another workspace, or of no server, there is no token', async () => {
    const booted = await boot()
    const { serverId } = await booted.enrol()
    const foreign = { workspaceId: createId('workspace'), createdBy: 'usr_x', serverId }
    await assert.rejects(booted.fleet.createInstallToken(foreign), refusedWith('SERVER_NOT_FOUND'))
    await assert.rejects(tokenOf(booted, createId('server')), refusedWith('SERVER_NOT_FOUND'))
    await assert.rejects(
      booted.fleet.regenerate(foreign.workspaceId, serverId, 'usr_x'),
      refusedWith('SERVER_NOT_FOUND'),
    )
    await assert.rejects(booted.fleet.decommission(foreign.workspaceId, serverId), refusedWith('SERVER_NOT_FOUND'))
  })

  test('a recovery command keeps who the host is, unless Central would refuse what the host cannot know is refused', async () => {
    const booted = await boot({ releaseIsServed: () => true })
    const { serverId } = await booted.enrol()
    const recover = async () => (await booted.fleet.recover(booted.workspaceId, serverId, 'usr_x')).command
    assert.match(await recover(), / --token-stdin$/)
    await booted.fleet.regenerate(booted.workspaceId, serverId, 'usr_x')
    const command = await recover()
    assert.match(command, / --token-stdin --replace$/, 'its certificate was revoked')
    await booted.enrol(/mtti_[^']+/.exec(command)?.[0])
    assert.match(await recover(), / --token-stdin$/)
    booted.clock.advance(LIMITS.certificateLife)
    assert.match(await recover(), / --token-stdin --replace$/)
  })

  test('regenerate takes the certificate back at once, and only its newest command works', async () => {
    const booted = await boot()
    const { serverId } = await booted.enrol()
    const tokenIn = (command: string) => /mtti_[^']+/.exec(command)?.[0] ?? ''
    const first = await booted.fleet.regenerate(booted.workspaceId, serverId, 'usr_x')
    assert.deepEqual(
      (await booted.store.certificates.ofServer(serverId)).map(({ state }) => state),
      ['revoked'],
    )
    assert.match(first.command, / --token-stdin --replace && /, 'its host may hold the old identity still')
    const second = await booted.fleet.regenerate(booted.workspaceId, serverId, 'usr_x')
    await assert.rejects(booted.enrol(tokenIn(first.command)), refusedWith('AUTH_FAILED'))
    assert.equal((await booted.enrol(tokenIn(second.command))).serverId, serverId)
    assert.ok(Date.parse(second.expires_at) > booted.clock.now())
  })

  test('a decommissioned server is gone, its tokens and certificates with it', async () => {
    const booted = await boot()
    const { serverId } = await booted.enrol()
    const token = await tokenOf(booted, serverId)
    await booted.fleet.decommission(booted.workspaceId, serverId)
    assert.equal(await booted.fleet.get(booted.workspaceId, serverId), undefined)
    assert.deepEqual(await booted.fleet.list(booted.workspaceId), [])
    await assert.rejects(booted.enrol(token), refusedWith('AUTH_FAILED'))
    assert.deepEqual(
      (await booted.store.certificates.ofServer(serverId)).map(({ state }) => state),
      ['revoked'],
    )
    await assert.rejects(booted.fleet.decommission(booted.workspaceId, serverId), refusedWith('SERVER_NOT_FOUND'))
  })
})

describe('the enrolment door', () => {
  async function door() {
    const booted = await boot()
    const app = Fastify()
    app.setErrorHandler((error, _request, reply) =>
      error instanceof CatalogueError
        ? reply.code(ERRORS[error.code].http).send({ code: error.code, details: error.details })
        : reply.send(error),
    )
    registerFleetRoutes(app, { fleet: booted.fleet, clock: booted.clock })
    const post = (body: unknown, remoteAddress = '192.0.2.1') =>
      app.inject({ method: 'POST', url: ENROLMENT_PATH, payload: body as object, remoteAddress })
    return { booted, post }
  }

  test('answers with credentials that no cache may keep', async () => {
    const { booted, post } = await door()
    const { csrPem } = await createCsr()
    const response = await post({ token: await tokenOf(booted), csr_pem: csrPem, hostname: 'h' })
    assert.equal(response.statusCode, 200)
    assert.equal(response.headers['cache-control'], 'no-store')
    assert.match(response.json().certificate_pem, /BEGIN CERTIFICATE/)
  })

  test('refuses what is no enrolment request: surplus fields, wrong types, too much', async () => {
    const { booted, post } = await door()
    const { csrPem } = await createCsr()
    const good = { token: await tokenOf(booted), csr_pem: csrPem, hostname: 'h' }
    for (const body of [{ ...good, server_id: 'srv_x' }, { ...good, hostname: 5 }, { token: good.token }, []]) {
      assert.equal((await post(body)).json().code, 'VALIDATION_ERROR')
    }
    assert.equal((await post({ ...good, csr_pem: 'x'.repeat(10_000) })).statusCode, 413)
  })

  test('slows an address down that guesses, and no other', async () => {
    const { booted, post } = await door()
    const { csrPem } = await createCsr()
    const guess = { token: `mtti_${'A'.repeat(43)}.${booted.keys.ca.fingerprint}`, csr_pem: csrPem, hostname: 'h' }
    for (let i = 0; i < 10; i++) assert.equal((await post(guess)).statusCode, 401)
    const refused = await post(guess)
    assert.equal(refused.statusCode, 429)
    assert.ok(refused.json().details.retry_after_s > 0)
    assert.equal((await post(guess, '192.0.2.2')).statusCode, 401)
    booted.clock.advance(60_000)
    const good = { ...guess, token: await tokenOf(booted) }
    assert.equal((await post(good)).statusCode, 200)
  })
})
