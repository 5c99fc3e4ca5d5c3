// The SDK's own clients: version 1 for the 2025 generation, version 2 for both.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  Client as Client2,
  type ElicitResult,
  StreamableHTTPClientTransport as Transport2,
} from '@modelcontextprotocol/client'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { IncomingCall } from '../../../central/calls/run-call.ts'
import { type Booted, bootMcp } from './boot-mcp.ts'

const INFO = { name: 'test', version: '1' }
const requestInit = { headers: { authorization: 'Bearer alice' } }
type Asked = Record<string, unknown>
type Answer = ElicitResult['action']
type Person = { asked: Asked[]; answer: Answer }

/** What a client of either version can do here. */
type Driver = {
  version: () => string | undefined
  listTools: () => Promise<{ tools: { name: string }[] }>
  callTool: (params: { name: string; arguments: Asked }, onprogress?: (p: unknown) => void) => Promise<unknown>
  getPrompt: (params: { name: string; arguments: Record<string, string> }) => Promise<{ messages: unknown[] }>
  readResource: (params: { uri: string }) => Promise<{ contents: unknown[] }>
  close: () => Promise<void>
}

async function connect1(url: URL, person?: Person): Promise<Driver> {
  const client = new Client1(INFO, { capabilities: person ? { elicitation: { form: {}, url: {} } } : {} })
  if (person) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      person.asked.push(params)
      return { action: person.answer }
    })
  }
  const transport = new Transport1(url, { requestInit })
  await client.connect(transport)
  return {
    version: () => transport.protocolVersion,
    listTools: () => client.listTools(),
    callTool: (params, onprogress) => client.callTool(params, undefined, onprogress && { onprogress }),
    getPrompt: (params) => client.getPrompt(params),
    readResource: (params) => client.readResource(params),
    close: async () => {
      await transport.terminateSession()
      await client.close()
    },
  }
}

const connect2 =
  (mode: 'legacy' | 'auto') =>
  async (url: URL, person?: Person): Promise<Driver> => {
    const client = new Client2(INFO, {
      capabilities: person ? { elicitation: { form: {}, url: {} } } : {},
      versionNegotiation: { mode },
    })
    if (person) {
      client.setRequestHandler('elicitation/create', ({ params }) => {
        person.asked.push(params)
        return { action: person.answer }
      })
    }
    const transport = new Transport2(url, { requestInit })
    await client.connect(transport)
    return {
      version: () => client.getNegotiatedProtocolVersion(),
      listTools: () => client.listTools(),
      callTool: (params, onprogress) => client.callTool(params, onprogress && { onprogress }),
      getPrompt: (params) => client.getPrompt(params),
      readResource: (params) => client.readResource(params),
      close: () => client.close(),
    }
  }

const CLIENTS = [
  ['SDK 1', connect1, '2025-11-25'],
  ['SDK 2, older generation', connect2('legacy'), '2025-11-25'],
  ['SDK 2', connect2('auto'), '2026-07-28'],
] as const

for (const [name, connect, version] of CLIENTS) {
  describe(name, () => {
    let central: Booted
    before(async () => {
      const handlers = {
        mttrly_slow: async (call: IncomingCall) => {
          call.progress('one')
          central.advance(1500)
          call.progress('two')
          return { kind: 'result' as const, value: { done: true } }
        },
      }
      central = await bootMcp({ handlers })
    })
    after(() => central.close())

    async function using<T>(person: Person | undefined, use: (driver: Driver) => Promise<T>): Promise<T> {
      const driver = await connect(central.url, person)
      try {
        return await use(driver)
      } finally {
        await driver.close()
      }
    }

    it(`speaks ${version}`, async () => {
      assert.equal(await using(undefined, async (driver) => driver.version()), version)
    })

    it('lists and calls tools', async () => {
      await using(undefined, async (driver) => {
        const { tools } = await driver.listTools()
        assert.equal(tools[0]?.name, 'mttrly_echo')
        const result = (await driver.callTool({ name: 'mttrly_echo', arguments: { text: 'hi' } })) as Asked
        assert.deepEqual(result.structuredContent, { text: 'hi', user: 'usr_alice' })
      })
    })

    it('reads errors as results and unknown tools as protocol errors', async () => {
      await using(undefined, async (driver) => {
        const result = (await driver.callTool({ name: 'mttrly_fail', arguments: {} })) as Asked
        assert.equal(result.isError, true)
        await assert.rejects(driver.callTool({ name: 'nothing', arguments: {} }), /Unknown tool: nothing/)
      })
    })

    it('hears progress', async () => {
      const heard: unknown[] = []
      await using(undefined, (driver) => driver.callTool({ name: 'mttrly_slow', arguments: {} }, (p) => heard.push(p)))
      assert.deepEqual(heard, [
        { progress: 1, message: 'one' },
        { progress: 2, message: 'two' },
      ])
    })

    it('reads prompts and resources', async () => {
      await using(undefined, async (driver) => {
        const prompt = await driver.getPrompt({ name: 'whats_wrong', arguments: { server: 'web-1' } })
        assert.equal(prompt.messages.length, 1)
        assert.equal((await driver.readResource({ uri: 'mttrly://errors' })).contents.length, 1)
      })
    })

    for (const answer of ['accept', 'decline', 'cancel'] as const) {
      it(`opens a link for the person once, who answers ${answer}`, async () => {
        const person: Person = { asked: [], answer }
        const call = { name: 'mttrly_ask', arguments: { action_id: 'act_1' } }
        const result = (await using(person, (driver) => driver.callTool(call))) as Asked
        assert.equal(person.asked.length, 1)
        assert.equal(person.asked[0]?.mode, 'url')
        assert.equal(person.asked[0]?.url, 'https://central.example/approvals/act_1')
        assert.deepEqual(result.structuredContent, { elicited: answer === 'accept' ? 'accept' : 'decline' })
      })
    }

    it('is not asked when it cannot open links', async () => {
      const call = { name: 'mttrly_ask', arguments: { action_id: 'act_1' } }
      const result = (await using(undefined, (driver) => driver.callTool(call))) as Asked
      assert.deepEqual(result.structuredContent, { elicited: 'not asked' })
    })
  })
}
