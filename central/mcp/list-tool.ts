// The catalogue as MCP lists it.
import type { Tool as ListedTool } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Tool } from '../tools/define.ts'

/**
 * In catalogue order. Output schemas stay out of the list: no model is shown them, and with them the list of forty would
 * not fit the 44 KB that a client's context is asked for.
 */
export function listTool(tool: Tool): ListedTool {
  return deepFreeze({
    name: tool.id,
    title: tool.title,
    description: tool.description,
    inputSchema: inputSchema(tool),
    annotations: { ...tool.annotations },
    ...(tool.meta && { _meta: { ...tool.meta } }),
  })
}

/** `$schema` may be left out: MCP takes JSON Schema 2020-12 for granted, which is what zod writes. */
function inputSchema(tool: Tool): ListedTool['inputSchema'] {
  const { $schema: _, ...schema } = z.toJSONSchema(tool.input, { io: 'input', target: 'draft-2020-12' })
  return withoutSafeIntegers(schema) as ListedTool['inputSchema']
}

/** zod states ±2^53-1 as the bounds of every integer; they tell a model nothing. */
function withoutSafeIntegers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSafeIntegers)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, one]) => Math.abs(Number(one)) !== Number.MAX_SAFE_INTEGER)
  return Object.fromEntries(entries.map(([key, one]) => [key, withoutSafeIntegers(one)]))
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze)
  return Object.freeze(value)
}
