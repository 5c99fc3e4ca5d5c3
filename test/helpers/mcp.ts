// A small MCP client over the SDK: calls a tool and hands back what a model would see.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

export type ToolAnswer = { ok: true; value: Record<string, unknown> } | { ok: false; error: ToolError }
export type ToolError = {
  code: string
  message: string
  suggested_action: string
  request_id: string
  retry_after_s?: number
  details?: Record<string, unknown>
}

export async function connectMcp(url: string, token: string) {
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  })
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(transport)

  async function call(name: string, args: Record<string, unknown> = {}): Promise<ToolAnswer> {
    const result = await client.callTool({ name: `mttrly_${name}`, arguments: args })
    const text = (result.content as { text?: string }[])[0]?.text ?? ''
    if (result.isError) return { ok: false, error: JSON.parse(text) }
    return { ok: true, value: result.structuredContent as Record<string, unknown> }
  }

  /** The value; throws with the code when the tool refused. */
  async function value(name: string, args: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const answer = await call(name, args)
    if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(answer.error)}`)
    return answer.value
  }

  /** The code of the refusal; undefined when it was allowed. */
  async function code(name: string, args: Record<string, unknown> = {}): Promise<string | undefined> {
    const answer = await call(name, args)
    return answer.ok ? undefined : answer.error.code
  }

  return { client, call, value, code, close: () => client.close() }
}

export type Mcp = Awaited<ReturnType<typeof connectMcp>>
