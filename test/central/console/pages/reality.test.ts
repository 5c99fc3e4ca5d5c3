import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failed, snapshot, unit } from '../../../helpers/reality.ts'
import { bootConsole } from '../boot-console.ts'

test("a server's page says in short what runs there, the failed first, as text", async () => {
  const central = await bootConsole()
  const anna = await central.signIn('usr_anna')
  const page = async () => (await central.app.inject({ url: '/servers/srv_1', headers: { cookie: anna.cookie } })).body
  assert.doesNotMatch(await page(), /What runs here/)
  const units = [
    unit('a.service', { health: { ...failed('slow'), state: 'degraded' } }),
    unit('<b>.service', { active: 'failed', health: failed('exit 1') }),
    unit('c.service'),
  ]
  central.fleet.reality.set('srv_1', { takenAt: central.clock.now(), snapshot: snapshot({ units }) })
  const body = await page()
  assert.match(body, /What runs here/)
  assert.match(body, /2 running/)
  assert.match(body, /&#60;b&#62;\.service[\s\S]*exit 1[\s\S]*a\.service[\s\S]*slow/)
  assert.doesNotMatch(body, /<b>\.service|c\.service/)
})
