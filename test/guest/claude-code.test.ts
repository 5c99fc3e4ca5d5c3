// The real Claude Code against an agent that was installed as a user installs it: it looks, asks for a change, a person
// approves on the page, and it is done, once.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { actionIn, atWork, CLIENTS, connected, plain, script } from '../clients/clients.ts'
import { clientDocuments } from '../clients/connect.ts'
import { missing } from '../clients/installed.ts'
import { startStandInModel } from '../clients/stand-in-model.ts'
import { until } from '../helpers/fleet.ts'
import { startGuest, whyNoGuest } from './guest.ts'
import { startServedCentral } from './world.ts'

const FILE = '/srv/made'

describe('Claude Code and an installed agent', { skip: whyNoGuest() ?? missing('claude') }, () => {
  it('go from a question to a change that a person approved', async (t) => {
    const client = CLIENTS.find(({ name }) => name === 'claude')
    assert.ok(client)
    const world = await startServedCentral(t, { clientDocuments: clientDocuments() })
    const guest = await startGuest(t)
    await guest.must((await world.newToken()).command)
    await world.untilOnline(1)
    const [server] = await world.servers()
    assert.ok(server)
    const model = await startStandInModel(script(server.id, FILE))
    t.after(() => model.close())
    const home = await connected(t, client, { central: world.booted.url, person: world.owner, model: model.url })

    const work = atWork(client, home)
    await until(() => model.results.length >= 2)
    const [looked, asked] = model.results
    assert.match(plain(looked), /load average/)
    assert.match(plain(looked), /"isolation":"systemd"/)
    assert.match(plain(asked), /"status":"pending_approval"/)
    assert.notEqual((await guest.sh(`ls ${FILE}`)).code, 0)
    await world.approve(actionIn(asked))
    const ended = await work
    assert.equal(ended.code, 0, ended.stderr)
    assert.match(plain(model.results[2]), /"status":"succeeded"/)
    assert.equal(await guest.must(`cat ${FILE}; stat -c %U ${FILE}`), 'once\nroot')
  })
})
