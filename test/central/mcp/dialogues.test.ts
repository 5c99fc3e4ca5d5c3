// What real clients said to /mcp (test/clients/record-dialogues.ts), said again: each line gets the status it got then,
// and each request an answer and no error.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { catalog } from '../../../central/tools/catalog.ts'
import type { Line } from '../../clients/record-dialogues.ts'
import { bootMcp } from './boot-mcp.ts'

const DIR = 'test/golden/client-dialogues'

const handlers = { mttrly_list_servers: async () => ({ kind: 'result' as const, value: { servers: [] } }) }

type Message = { id?: unknown; result?: unknown; error?: unknown }

const messagesIn = (text: string): Message[] =>
  text.startsWith('{')
    ? [JSON.parse(text)]
    : [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data = '']) => JSON.parse(data))

async function say(url: URL, { method, headers, body }: Line, session: string | undefined) {
  const stop = new AbortController()
  const known: Record<string, string | undefined> = { $token: 'Bearer alice', $session: session }
  const filled = Object.entries(headers).map(([name, value]): [string, string] => [name, known[value] ?? value])
  const response = await fetch(url, {
    method,
    headers: Object.fromEntries(filled),
    signal: stop.signal,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const isStream = method === 'GET' && response.ok
  const messages = isStream ? [] : messagesIn(await response.text())
  stop.abort()
  return { status: response.status, messages, session: response.headers.get('mcp-session-id') ?? session }
}

describe('the dialogue of', () => {
  for (const file of readdirSync(DIR)) {
    it(file.replace('.json', ''), async (t) => {
      const lines: Line[] = JSON.parse(readFileSync(`${DIR}/${file}`, 'utf8'))
      const central = await bootMcp({ catalog, handlers })
      t.after(central.close)
      let session: string | undefined
      for (const line of lines) {
        const answer = await say(central.url, line, session)
        const said = (line.body as { method?: string; id?: unknown }) ?? {}
        assert.equal(answer.status, line.status, `${line.method} ${said.method}`)
        session = answer.session
        if (said.id === undefined || line.status !== 200) continue
        const last = answer.messages.at(-1)
        assert.equal(last?.id, said.id, said.method)
        assert.ok(last?.result && !last.error, JSON.stringify(last))
      }
      assert.equal(central.calls.filter(({ tool }) => tool === 'mttrly_list_servers').length, callsIn(lines))
    })
  }
})

const callsIn = (lines: Line[]): number =>
  lines.filter(({ body }) => (body as { method?: string } | undefined)?.method === 'tools/call').length
