// The whole way with real clients, a real agent and a person: look, ask for a change, see it wait, have it approved on
// the page, see it done.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { isContained, startWorld } from '../e2e/world.ts'
import { until } from '../helpers/fleet.ts'
import { actionIn, atWork, CLIENTS, connected, plain, script } from './clients.ts'
import { clientDocuments } from './connect.ts'
import { missing } from './installed.ts'
import { startStandInModel } from './stand-in-model.ts'

describe('from a question to a change that a person approved', () => {
  for (const client of CLIENTS) {
    it(client.name, { timeout: 180_000, skip: missing(client.name) }, async (t) => {
      const world = await startWorld({ outside: { clientDocuments: clientDocuments() } })
      t.after(() => world.stop())
      if (!(await isContained(world))) return t.skip('no sandbox here, so looking waits for a person as well')
      const file = world.host.work('made')
      const model = await startStandInModel(script(world.host.serverId, file))
      t.after(() => model.close())
      const home = await connected(t, client, { central: world.booted.url, person: world.owner, model: model.url })

      const work = atWork(client, home)
      await until(() => model.results.length >= 2)
      assert.match(plain(model.results[0]), /load average/)
      assert.match(plain(model.results[1]), /"status":"pending_approval"/)
      assert.equal(existsSync(file), false)
      await world.approve(actionIn(model.results[1]))
      const ended = await work
      assert.equal(ended.code, 0, ended.stderr)
      assert.match(plain(model.results[2]), /"status":"succeeded"/)
      assert.equal(readFileSync(file, 'utf8'), 'once\n')
    })
  }
})
