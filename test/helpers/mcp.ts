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

export type McpOptions = {
  /** `auto` speaks the newest protocol; `legacy` the one before it. */
  mode?: 'legacy' | 'auto'
  headers?: Record<string, string>
  /** Makes the client one that can open a link for its person, and says what the person does. */
  onLink?: (url: string) => Promise<'accept' | 'decline' | 'cancel'>
}

export async function connectMcp(url: string, token: string, options: McpOptions = {}) {
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', url), {
    requestInit: { headers: { ...options.headers, authorization: `Bearer ${token}` } },
  })
  const { mode, onLink } = options
  const client = new Client(
    { name: 'test', version: '1' },
    { capabilities: onLink ? { elicitation: { url: {} } } : {}, ...(mode && { versionNegotiation: { mode } }) },
  )
  if (onLink) {
    client.setRequestHandler('elicitation/create', async ({ params }) => ({
      action: await onLink('url' in params ? params.url : ''),
    }))
  }
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
