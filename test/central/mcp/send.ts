// Raw requests of both generations of the protocol, for what no client of good manners sends.
import { request as httpRequest } from 'node:http'

export const V2026 = '2026-07-28'
export const META = 'io.modelcontextprotocol/'

type Json = Record<string, unknown>
export type Sent = {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** The JSON body, or the last message of an SSE stream. */
  message: { id?: unknown; result?: Json; error?: { code: number; message: string; data?: Json } }
  /** Everything that came before the last message. */
  earlier: Json[]
}

type Options = {
  method?: string
  token?: string | null
  headers?: Record<string, string>
  body?: unknown
  path?: string
}

/** node:http and not fetch, since fetch forbids Host and Origin. */
export function send(url: URL, { method = 'POST', token = 'alice', headers = {}, body, path }: Options): Promise<Sent> {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  const all = {
    accept: 'application/json, text/event-stream',
    ...(text !== undefined && {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
    }),
    ...(token !== null && { authorization: `Bearer ${token}` }),
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const options = { method, host: url.hostname, port: url.port, path: path ?? url.pathname, headers: all }
    const outgoing = httpRequest(options, async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      const got = Buffer.concat(chunks).toString()
      const messages = messagesIn(got)
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: got,
        message: messages.at(-1) ?? {},
        earlier: messages.slice(0, -1),
      })
    })
    outgoing.on('error', reject)
    outgoing.end(text)
  })
}

function messagesIn(text: string): Json[] {
  if (text.startsWith('{')) return [JSON.parse(text)]
  const data = text.split('\n').filter((line) => line.startsWith('data: {'))
  return data.map((line) => JSON.parse(line.slice(6)))
}

let nextId = 0

/** A request of the 2026-07-28 revision with its envelope and headers. */
export function modern(method: string, params: Json = {}, capabilities: Json = {}) {
  const _meta = {
    ...(params._meta as Json),
    [`${META}protocolVersion`]: V2026,
    [`${META}clientCapabilities`]: capabilities,
    [`${META}clientInfo`]: { name: 'raw', version: '1' },
  }
  const name = params.name ?? params.uri
  const headers: Record<string, string> = {
    'mcp-protocol-version': V2026,
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': name }),
  }
  return {
    headers,
    body: { jsonrpc: '2.0', id: ++nextId, method, params: { ...params, _meta } },
  }
}

export const legacy = (method: string, params: Json = {}) => ({ jsonrpc: '2.0', id: ++nextId, method, params })

export const initialize = (capabilities: Json = {}, protocolVersion = '2025-11-25') =>
  legacy('initialize', { protocolVersion, capabilities, clientInfo: { name: 'raw', version: '1' } })
