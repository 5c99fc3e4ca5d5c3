// What the endpoint offers, as data made once at start: a server object is made for every modern request, and must
// cost nothing that grows with the number of tools.
import type {
  CallToolResult,
  GetPromptResult,
  InputRequiredResult,
  Tool as ListedTool,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplateType,
  Server,
  ServerContext,
} from '@modelcontextprotocol/server'

type Arguments = Record<string, unknown>

export type OfferedTool = {
  listed: ListedTool
  call: (args: Arguments, ctx: ServerContext, server: Server) => Promise<CallToolResult | InputRequiredResult>
}
export type OfferedPrompt = {
  listed: Prompt
  get: (args: Record<string, string>, ctx: ServerContext) => GetPromptResult | InputRequiredResult
}
export type OfferedResource = { listed: Resource; read: () => ReadResourceResult }

export type Surface = {
  tools: readonly OfferedTool[]
  prompts: readonly OfferedPrompt[]
  resources: readonly OfferedResource[]
  templates: readonly ResourceTemplateType[]
  /** Refuses a call of what is not in `tools`, in its own words. */
  refuseOther?: (name: string, args: Arguments, ctx: ServerContext) => Promise<never>
  /** Answers a uri that is not in `resources`. */
  readOther?: (uri: string) => ReadResourceResult | undefined
  /** Further methods, on each server object before it is connected. */
  install?: (server: Server) => void
}

/** Later names win nothing: two offers of one name are a mistake of the caller. */
export function joinSurfaces(ours: Surface, extra: Surface | undefined): Surface {
  if (!extra) return ours
  return {
    ...ours,
    ...extra,
    tools: [...ours.tools, ...extra.tools],
    prompts: [...ours.prompts, ...extra.prompts],
    resources: [...ours.resources, ...extra.resources],
    templates: [...ours.templates, ...extra.templates],
  }
}
