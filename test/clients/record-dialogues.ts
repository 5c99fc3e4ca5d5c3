// Writes down what real clients say to /mcp, for the replay in test/central/mcp/dialogues.test.ts, so that what they need
// stays tested where they are not installed. Run by hand when their versions change: node test/clients/record-dialogues.ts
import { writeFileSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bootCentral } from '../helpers/boot-central.ts'
import { freePort } from '../helpers/free-port.ts'
import { runProgram } from '../helpers/run-program.ts'
import { createHome } from './home.ts'
import { clientPath, VERSIONS } from './installed.ts'
import { startStandInModel } from './stand-in-model.ts'

export type Line = {
  method: string
  /** `authorization` and `mcp-session-id` stand for whatever was good at the time. */
  headers: Record<string, string>
  body?: unknown
  status: number
}

const KEPT = ['accept', 'content-type', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-session-id']
const PLACEHOLDER: Record<string, string> = { 'mcp-session-id': '$session' }

function linesOf(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = KEPT.filter((name) => typeof headers[name] === 'string')
  return {
    ...Object.fromEntries(kept.map((name) => [name, PLACEHOLDER[name] ?? String(headers[name])])),
    ...(headers.authorization && { authorization: '$token' }),
  }
}

/** Passes everything on to `port`, and notes what goes to /mcp. */
async function startRecorder(port: number) {
  const lines: Line[] = []
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const { method = '', url = '', headers } = incoming
    const onward = httpRequest({ port, host: '127.0.0.1', method, path: url, headers }, (answer) => {
      const parsed = body.length > 0 && url === '/mcp' ? { body: JSON.parse(body.toString()) } : {}
      if (url === '/mcp') lines.push({ method, headers: linesOf(headers), ...parsed, status: answer.statusCode ?? 0 })
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    onward.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { origin, lines, close }
}

const afters: (() => unknown)[] = []
const t = { after: (fn: () => unknown) => void afters.unshift(fn) } as Parameters<typeof bootCentral>[0]

/** `drive` shows itself once without credentials, as a client does before it knows that it must log in, then works. */
async function record(name: keyof typeof VERSIONS, drive: (url: string, key: string) => Promise<unknown>) {
  const port = await freePort()
  const recorder = await startRecorder(port)
  const booted = await bootCentral(t, { config: { 'public-url': recorder.origin, 'http-port': port } })
  const { userId } = await booted.member('anna')
  await drive(`${recorder.origin}/mcp`, await booted.apiKey(userId))
  recorder.close()
  const file = `test/golden/client-dialogues/${name.split('/').at(-1)}-${VERSIONS[name]}.json`
  writeFileSync(file, `${JSON.stringify(recorder.lines, null, 2)}\n`)
  console.log(file, recorder.lines.length)
}

await record('@anthropic-ai/claude-code', async (url, key) => {
  const model = await startStandInModel([{ tool: 'mttrly_list_servers' }])
  const home = createHome(t, { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'none', ENABLE_TOOL_SEARCH: 'false' })
  const claude = (...args: string[]) => runProgram(clientPath('claude'), args, { env: home.env, cwd: home.dir })
  await claude('mcp', 'add', '--transport', 'http', '-s', 'user', 'open', url)
  await claude('mcp', 'list')
  await claude('mcp', 'remove', '-s', 'user', 'open')
  const bearer = ['--header', `Authorization: Bearer ${key}`]
  await claude('mcp', 'add', '--transport', 'http', '-s', 'user', 'mttrly', url, ...bearer)
  await claude('-p', 'look', '--allowedTools', 'mcp__mttrly__mttrly_list_servers')
  await model.close()
})

await record('@openai/codex', async (url, key) => {
  const model = await startStandInModel([{ tool: 'mttrly_list_servers' }])
  const home = createHome(t, { MTTRLY_KEY: key })
  const provider = `[model_providers.stand-in]\nname = "stand-in"\nbase_url = "${model.url}/v1"\nwire_api = "responses"`
  const server = `[mcp_servers.mttrly]\nurl = "${url}"`
  const config = (rest = '') =>
    home.write(
      '.codex/config.toml',
      `model = "stand-in"\nmodel_provider = "stand-in"\n${provider}\n${server}\n${rest}\n`,
    )
  const codex = (...args: string[]) => runProgram(clientPath('codex'), args, { env: home.env, cwd: home.dir })
  config()
  await codex('mcp', 'list')
  config('bearer_token_env_var = "MTTRLY_KEY"')
  await codex('exec', '--skip-git-repo-check', 'look')
  await model.close()
})

await record('mcp-remote', async (url, key) => {
  const home = createHome(t)
  const args = [clientPath('mcp-remote-client'), url, '--header', `Authorization: Bearer ${key}`]
  await runProgram(process.execPath, args, { env: home.env, cwd: home.dir, timeoutMs: 10_000 })
})

for (const after of afters) await after()
