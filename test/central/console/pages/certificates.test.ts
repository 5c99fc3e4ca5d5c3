import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Authority } from '../../../../central/fleet/authorities.ts'
import { trustOf } from '../../../../central/fleet/rotation.ts'
import { bootConsole } from '../boot-console.ts'

const closing: (() => Promise<unknown>)[] = []
after(() => Promise.all(closing.map((close) => close())))

async function pageFor(states: Authority['state'][], someGivenUp = false): Promise<string> {
  const central = await bootConsole()
  closing.push(() => central.close())
  const fingerprints = { issuing: 'a'.repeat(64), next: 'b'.repeat(64), old: 'c'.repeat(64) }
  const authorities = states.map((state) => ({
    ...{ state, fingerprint: fingerprints[state], certificatePem: '' },
    notAfter: central.clock.now() + 1_000_000,
  }))
  const server = (name: string, issuer: Authority['state'], believes: Authority['state'][], lasts = 1_000) => ({
    ...{ id: `srv_${name}`, workspaceId: 'wsp_1', name, lastSeenAt: central.clock.now() },
    certificate: { issuer: fingerprints[issuer], notAfter: central.clock.now() + lasts },
    believes: believes.map((state) => fingerprints[state]),
  })
  const servers = [
    server('home', 'issuing', ['issuing', 'next']),
    server('<away>', states.includes('old') ? 'old' : 'issuing', ['issuing', 'old']),
    server('months-away', 'issuing', ['issuing'], -1),
    ...(someGivenUp ? [server('given-up', 'old', ['issuing'])] : []),
  ]
  central.fleet.trust = trustOf(authorities, servers, central.clock.now())
  const { cookie } = await central.signIn('usr_anna')
  const answer = await central.app.inject({ url: '/certificates', headers: { cookie } })
  assert.equal(answer.statusCode, 200)
  return answer.body
}

test('says plainly who would be cut off by a switch, and names them first', async () => {
  const body = await pageFor(['issuing', 'next'])
  assert.match(body, /If another authority issued from now on:<\/strong> 1 of 3 servers would be cut off\.</)
  assert.match(body, /If the old authority were retired now:<\/strong> there is no old authority\./)
  assert.match(body, /&#60;away&#62;.*Lost by a switch/s)
  assert.ok(body.indexOf('months-away') < body.indexOf('&#60;away&#62;'))
  assert.ok(body.indexOf('&#60;away&#62;') < body.indexOf('>home<'))
  assert.match(body, /Expired: needs a recovery command/)
  assert.match(body, /knows the next authority/)
})

test('while the old one is believed, says who would be cut off by retiring it', async () => {
  const body = await pageFor(['issuing', 'old'])
  assert.match(body, /If the old authority were retired now:<\/strong> 1 of 3 servers would be cut off\./)
  assert.match(body, /&#60;away&#62;.*Lost by retiring/s)
})

test('with one authority everybody would be cut off by another, and it says what is missing', async () => {
  assert.match(await pageFor(['issuing']), /2 of 3 servers would be cut off\. No next authority is prepared/)
})

test('a certificate of an authority that was retired is not called well', async () => {
  assert.match(await pageFor(['issuing'], true), /given-up.*Of a retired authority: needs a recovery command/s)
})
