// Real clients as their users set them up, and the work that each is given: look, ask for a change, wait for its end.
import assert from 'node:assert/strict'
import type { Person } from '../helpers/person.ts'
import { runProgram } from '../helpers/run-program.ts'
import { allow } from './connect.ts'
import { createHome, type Home } from './home.ts'
import { type ClientName, clientPath } from './installed.ts'
import { openTerminal } from './terminal.ts'

const LINK = /(http:\/\/localhost:\d+\/oauth\/authorize\S+)/
const TOOLS = ['execute_command', 'get_action_result'].map((tool) => `mcp__mttrly__mttrly_${tool}`).join(',')

type Setting = { home: Home; url: string; model: string }
export type Client = {
  name: ClientName
  env: (model: string) => NodeJS.ProcessEnv
  prepare: (setting: Setting) => Promise<unknown>
  logIn: (url: string) => string[]
  work: string[]
}

export const CLIENTS: readonly Client[] = [
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
export const script = (server_id: string, file: string) => [
  { tool: 'mttrly_execute_command', args: { server_id, command: 'uptime' } },
  { tool: 'mttrly_execute_command', args: { server_id, command: `echo once >> ${file}` } },
  {
    tool: 'mttrly_get_action_result',
    args: (seen: string[]) => ({ action_id: actionIn(seen[1]), wait_s: 40 }),
  },
]

/** Clients hand results on as text, some of them within text. */
export const plain = (result = ''): string => result.replaceAll('\\"', '"')
export const actionIn = (result?: string): string => /"action_id":"(act_[0-9a-f]+)"/.exec(plain(result))?.[1] ?? 'none'

/** In a home of its own, connected by the person. */
export async function connected(
  t: Parameters<typeof createHome>[0] & Parameters<typeof openTerminal>[0],
  client: Client,
  { central, person, model }: { central: string; person: Person; model: string },
): Promise<Home> {
  const home = createHome(t, client.env(model))
  const url = `${central}/mcp`
  await client.prepare({ home, url, model })
  const login = openTerminal(t, clientPath(client.name), client.logIn(url), { cwd: home.dir, env: home.env })
  assert.equal((await fetch(await allow(person, await login.shows(LINK)))).status, 200)
  assert.equal(await login.ended, 0, login.shown())
  return home
}

export const atWork = (client: Client, home: Home) =>
  runProgram(clientPath(client.name), client.work, { env: home.env, cwd: home.dir })
