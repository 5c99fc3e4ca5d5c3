// The real Claude Code: connects through OAuth, and its model (a stand-in) calls tools.
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { bootCentral } from '../helpers/boot-central.ts'
import { runProgram } from '../helpers/run-program.ts'
import { allow, clientDocuments } from './connect.ts'
import { createHome } from './home.ts'
import { clientPath, missing } from './installed.ts'
import { startStandInModel, type Wanted } from './stand-in-model.ts'
import { openTerminal } from './terminal.ts'

const TIMEOUT = { timeout: 180_000 }

async function boot(t: TestContext, enabled: boolean, script: Wanted[]) {
  const documents: string[] = []
  const booted = await bootCentral(t, { outside: { clientDocuments: { ...clientDocuments(documents), enabled } } })
  const person = await booted.member('anna')
  const model = await startStandInModel(script)
  t.after(() => model.close())
  const home = createHome(t, {
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'none',
    ENABLE_TOOL_SEARCH: 'false',
  })
  const claude = (...args: string[]) =>
    runProgram(clientPath('claude'), args, { env: home.env, cwd: home.dir }).then(({ code, stdout, stderr }) => {
      assert.equal(code, 0, stdout + stderr)
      return stdout
    })
  return { ...booted, person, model, home, claude, documents }
}

type World = Awaited<ReturnType<typeof boot>>

async function logIn(t: TestContext, { home, person, claude, url }: World, scopes?: string[]): Promise<void> {
  await claude('mcp', 'add', '--transport', 'http', '-s', 'user', 'mttrly', `${url}/mcp`)
  const args = ['mcp', 'login', 'mttrly', '--no-browser']
  const terminal = openTerminal(t, clientPath('claude'), args, { cwd: home.dir, env: home.env })
  const back = await allow(person, await terminal.shows(/(http:\/\/localhost:\d+\/oauth\/authorize\S+)/), scopes)
  assert.equal((await fetch(back)).status, 200)
  assert.equal(await terminal.ended, 0, terminal.shown())
}

/** On the account page, as a person would. */
async function disconnectAll(person: World['person']): Promise<void> {
  await person.signIn()
  const account = await (await person.get('/account')).text()
  const [, form = ''] = account.split('action="/account/clients/revoke"')
  const field = (name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(form)?.[1] ?? ''
  const { status } = await person.post('/account/clients/revoke', { csrf: field('csrf'), id: field('id') })
  assert.equal(status, 303)
}

const use = (...tools: string[]) => ['--allowedTools', tools.map((tool) => `mcp__mttrly__mttrly_${tool}`).join(',')]

describe('Claude Code', { skip: missing('claude') }, () => {
  for (const enabled of [true, false]) {
    it(`connects ${enabled ? 'by its metadata document' : 'by registration'} and calls tools`, TIMEOUT, async (t) => {
      const world = await boot(t, enabled, [{ tool: 'mttrly_get_capabilities' }, { tool: 'mttrly_list_servers' }])
      await logIn(t, world)
      assert.equal(world.documents.length, enabled ? 1 : 0)
      assert.match(await world.claude('mcp', 'list'), /mttrly: .*Connected/)
      await world.claude('-p', 'look', ...use('get_capabilities', 'list_servers'))
      const [capabilities = '', servers = ''] = world.model.results
      assert.deepEqual(JSON.parse(capabilities).scopes, ['read', 'execute'])
      assert.deepEqual(JSON.parse(servers), { servers: [] })
      assert.ok(world.model.offered.has('mcp__mttrly__mttrly_execute_command'))
    })
  }

  it('shows its model our errors, whole', TIMEOUT, async (t) => {
    const args = { server_id: 'srv_none', command: 'uptime' }
    const world = await boot(t, true, [{ tool: 'mttrly_execute_command', args }])
    await logIn(t, world)
    await world.claude('-p', 'look', ...use('execute_command'))
    const [error = ''] = world.model.results
    assert.match(error, /SERVER_NOT_FOUND/)
    assert.match(error, /Call mttrly_list_servers to see the available server IDs/)
  })

  it('loses access when the person revokes the connection', TIMEOUT, async (t) => {
    const world = await boot(t, true, [{ tool: 'mttrly_list_servers' }])
    await logIn(t, world)
    await disconnectAll(world.person)
    assert.doesNotMatch(await world.claude('mcp', 'list'), /✔ Connected/)
  })
})
