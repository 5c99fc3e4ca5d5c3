// The whole way with real clients, a real agent and a person: look, ask for a change, see it wait, have it approved on
// the page, see it done.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { isContained, startWorld, type World } from '../e2e/world.ts'
import { until } from '../helpers/fleet.ts'
import { runProgram } from '../helpers/run-program.ts'
import { allow, clientDocuments } from './connect.ts'
import { createHome, type Home } from './home.ts'
import { type ClientName, clientPath, missing } from './installed.ts'
import { startStandInModel } from './stand-in-model.ts'
import { openTerminal } from './terminal.ts'

const LINK = /(http:\/\/localhost:\d+\/oauth\/authorize\S+)/
const TOOLS = ['execute_command', 'get_action_result'].map((tool) => `mcp__mttrly__mttrly_${tool}`).join(',')

type Setting = { home: Home; url: string; model: string }
type Client = {
  name: ClientName
  env: (model: string) => NodeJS.ProcessEnv
  prepare: (setting: Setting) => Promise<unknown>
  logIn: (url: string) => string[]
  work: string[]
}

const CLIENTS: Client[] = [
  {
    name: 'claude',
    env: (model) => ({ ANTHROPIC_BASE_URL: model, ANTHROPIC_API_KEY: 'none', ENABLE_TOOL_SEARCH: 'false' }),
    prepare: ({ home, url }) =>
      runProgram(clientPath('claude'), ['mcp', 'add', '--transport', 'http', '-s', 'user', 'mttrly', url], {
        env: home.env,
        cwd: home.dir,
      }),
    logIn: () => ['mcp', 'login', 'mttrly', '--no-browser'],
    work: ['-p', 'go', '--allowedTools', TOOLS],
  },
  {
    name: 'codex',
    env: () => ({}),
    prepare: async ({ home, model }) =>
      home.write(
        '.codex/config.toml',
        [
          'model = "stand-in"',
          'model_provider = "stand-in"',
          'mcp_oauth_credentials_store = "file"',
          '[model_providers.stand-in]',
          'name = "stand-in"',
          `base_url = "${model}/v1"`,
          'wire_api = "responses"\n',
        ].join('\n'),
      ),
    logIn: (url) => ['mcp', 'add', 'mttrly', '--url', url],
    work: ['exec', '--skip-git-repo-check', '-c', 'mcp_servers.mttrly.default_tools_approval_mode="approve"', 'go'],
  },
]

/** A script of three calls: look, ask, wait for the end of what was asked. */
const script = (world: World, file: string) => {
  const server_id = world.host.serverId
  return [
    { tool: 'mttrly_execute_command', args: { server_id, command: 'uptime' } },
    { tool: 'mttrly_execute_command', args: { server_id, command: `echo once >> ${file}` } },
    {
      tool: 'mttrly_get_action_result',
      args: (seen: string[]) => ({ action_id: actionIn(seen[1]), wait_s: 40 }),
    },
  ]
}

/** Clients hand results on as text, some of them within text. */
const plain = (result = ''): string => result.replaceAll('\\"', '"')
const actionIn = (result?: string): string => /"action_id":"(act_[0-9a-f]+)"/.exec(plain(result))?.[1] ?? 'none'

async function connected(t: TestContext, world: World, client: Client, model: string): Promise<Home> {
  const home = createHome(t, client.env(model))
  const url = `${world.booted.url}/mcp`
  await client.prepare({ home, url, model })
  const login = openTerminal(t, clientPath(client.name), client.logIn(url), { cwd: home.dir, env: home.env })
  assert.equal((await fetch(await allow(world.owner, await login.shows(LINK)))).status, 200)
  assert.equal(await login.ended, 0, login.shown())
  return home
}

describe('from a question to a change that a person approved', () => {
  for (const client of CLIENTS) {
    it(client.name, { timeout: 180_000, skip: missing(client.name) }, async (t) => {
      const world = await startWorld({ outside: { clientDocuments: clientDocuments() } })
      t.after(() => world.stop())
      if (!(await isContained(world))) return t.skip('no sandbox here, so looking waits for a person as well')
      const file = world.host.work('made')
      const model = await startStandInModel(script(world, file))
      t.after(() => model.close())
      const home = await connected(t, world, client, model.url)

      const work = runProgram(clientPath(client.name), client.work, { env: home.env, cwd: home.dir })
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
