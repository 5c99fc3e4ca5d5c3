// Stands in for a model, so that real clients can be driven without a network: asks for one tool after the other and
// then says so. Speaks as much of Anthropic's Messages and OpenAI's Responses as Claude Code and Codex use.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A call to ask for: the end of the tool's name as the client presents it, and the arguments. */
export type Wanted = { tool: string; args?: Record<string, unknown> | ((seen: string[]) => Record<string, unknown>) }

type Json = Record<string, unknown>
type Offered = { name: string; namespace?: string }
type Turn = { call: (Offered & { args: Json }) | undefined; text: string }

export async function startStandInModel(script: readonly Wanted[]) {
  /** What the client gave the model as the result of each tool, as text. */
  const results: string[] = []
  const offered = new Set<string>()

  function nextTurn(tools: Offered[], given: unknown[]): Turn {
    for (const { name } of tools) offered.add(name)
    results.splice(0, results.length, ...given.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))))
    const wanted = script[given.length]
    const tool = wanted && tools.find(({ name }) => name.endsWith(wanted.tool))
    if (!wanted) return { call: undefined, text: 'done' }
    if (!tool) return { call: undefined, text: `no tool ${wanted.tool}` }
    const args = typeof wanted.args === 'function' ? wanted.args(results) : (wanted.args ?? {})
    return { call: { ...tool, args }, text: 'calling' }
  }

  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname
    const body = await bodyOf(request)
    if (path.endsWith('/v1/messages')) return answerMessages(body, response, nextTurn)
    if (path.endsWith('/responses')) return answerResponses(body, response, nextTurn)
    if (path.endsWith('/count_tokens')) return json(response, { input_tokens: 10 })
    if (path.endsWith('/models')) return json(response, { data: [], models: [] })
    json(response, { error: { type: 'not_found' } }, 404)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    results,
    offered,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

async function bodyOf(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return text.startsWith('{') ? JSON.parse(text) : {}
}

function json(response: ServerResponse, body: Json, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function events(response: ServerResponse, list: [string, Json][]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const [type, data] of list) response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
  response.end()
}

type NextTurn = (tools: Offered[], given: unknown[]) => Turn
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value : [])

function answerMessages(body: Json, response: ServerResponse, nextTurn: NextTurn): void {
  const blocks = listOf(body.messages).flatMap(({ content }) => listOf(content))
  const given = blocks.filter(({ type }) => type === 'tool_result').map(({ content }) => content)
  const { call, text } = nextTurn(listOf(body.tools) as Offered[], given)
  const message = {
    id: `msg_${given.length}`,
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  }
  if (!body.stream) {
    json(response, { ...message, content: [{ type: 'text', text }], stop_reason: 'end_turn' })
    return
  }
  const block = call
    ? { type: 'tool_use', id: `toolu_${given.length}`, name: call.name, input: {} }
    : { type: 'text', text: '' }
  const delta = call
    ? { type: 'input_json_delta', partial_json: JSON.stringify(call.args) }
    : { type: 'text_delta', text }
  const stop_reason = call ? 'tool_use' : 'end_turn'
  events(response, [
    ['message_start', { message }],
    ['content_block_start', { index: 0, content_block: block }],
    ['content_block_delta', { index: 0, delta }],
    ['content_block_stop', { index: 0 }],
    ['message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 1 } }],
    ['message_stop', {}],
  ])
}

function answerResponses(body: Json, response: ServerResponse, nextTurn: NextTurn): void {
  const tools = listOf(body.tools).flatMap((tool) =>
    tool.type === 'namespace' ? listOf(tool.tools).map((one) => ({ ...one, namespace: tool.name })) : [tool],
  ) as Offered[]
  const given = listOf(body.input).filter(({ type }) => type === 'function_call_output')
  const { call, text } = nextTurn(
    tools.filter(({ name }) => typeof name === 'string'),
    given.map(({ output }) => output),
  )
  const item = call
    ? {
        type: 'function_call',
        id: `fc_${given.length}`,
        call_id: `call_${given.length}`,
        name: call.name,
        ...(call.namespace && { namespace: call.namespace }),
        arguments: JSON.stringify(call.args),
        status: 'completed',
      }
    : {
        type: 'message',
        id: `m_${given.length}`,
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
      }
  const usage = {
    input_tokens: 1,
    output_tokens: 1,
    total_tokens: 2,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 },
  }
  const done = { id: `resp_${given.length}`, object: 'response', status: 'completed', output: [item], usage }
  events(response, [
    ['response.created', { response: { ...done, status: 'in_progress', output: [] } }],
    ['response.output_item.added', { output_index: 0, item }],
    ['response.output_item.done', { output_index: 0, item }],
    ['response.completed', { response: done }],
  ])
}
