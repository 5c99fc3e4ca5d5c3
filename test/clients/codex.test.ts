// The real Codex: connects through OAuth, and its model (a stand-in) calls tools.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bootCentral } from '../helpers/boot-central.ts'
import { runProgram } from '../helpers/run-program.ts'
import { allow, clientDocuments } from './connect.ts'
import { createHome } from './home.ts'
import { clientPath, missing } from './installed.ts'
import { startStandInModel } from './stand-in-model.ts'
import { openTerminal } from './terminal.ts'

const config = (modelUrl: string) => `
model = "stand-in"
model_provider = "stand-in"
mcp_oauth_credentials_store = "file"

[model_providers.stand-in]
name = "stand-in"
base_url = "${modelUrl}/v1"
wire_api = "responses"
`

describe('Codex', { skip: missing('codex') }, () => {
  for (const enabled of [true, false]) {
    const way = enabled ? 'by its metadata document' : 'by registration'
    it(`connects ${way} and calls tools`, { timeout: 180_000 }, async (t) => {
      const documents: string[] = []
      const booted = await bootCentral(t, { outside: { clientDocuments: { ...clientDocuments(documents), enabled } } })
      const person = await booted.member('anna')
      const args = { server_id: 'srv_none', command: 'uptime' }
      const model = await startStandInModel([
        { tool: 'mttrly_get_capabilities' },
        { tool: 'mttrly_list_servers' },
        { tool: 'mttrly_execute_command', args },
      ])
      t.after(() => model.close())
      const home = createHome(t)
      home.write('.codex/config.toml', config(model.url))

      const add = ['mcp', 'add', 'mttrly', '--url', `${booted.url}/mcp`]
      const terminal = openTerminal(t, clientPath('codex'), add, { cwd: home.dir, env: home.env })
      const back = await allow(person, await terminal.shows(/(http:\/\/localhost:\d+\/oauth\/authorize\S+)/))
      assert.equal((await fetch(back)).status, 200)
      assert.equal(await terminal.ended, 0, terminal.shown())
      assert.equal(documents.length, enabled ? 1 : 0)

      // Without a person at the keyboard Codex calls what can change something only if it is told so beforehand.
      const allowed = 'mcp_servers.mttrly.default_tools_approval_mode="approve"'
      const exec = ['exec', '--skip-git-repo-check', '-c', allowed, 'look']
      const ran = await runProgram(clientPath('codex'), exec, { env: home.env, cwd: home.dir })
      assert.equal(ran.code, 0, ran.stderr)
      const [capabilities = '', servers = '', error = ''] = model.results
      assert.match(capabilities, /"scopes":\["read","execute"\]/)
      assert.match(servers, /\{"servers":\[\]\}/)
      assert.match(error, /SERVER_NOT_FOUND.*Call mttrly_list_servers/)
    })
  }
})
