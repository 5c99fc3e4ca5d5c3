// The shape of a tool: one file a tool, everything declarative about it in that file. Imported by every tool and by
// central/calls; imports nothing but the domain.
import type { z } from 'zod'
import type { ActionSpec, ActionWords } from '../domain/action.ts'
import type { Effect } from '../domain/decide.ts'
import type { Plan } from '../domain/plan.ts'
import type { Scope } from '../domain/principal.ts'
import type { ToolContext } from './context.ts'

/** Shown to clients; all four are stated, so that none is left to a client's default. */
export type Annotations = {
  readOnlyHint: boolean
  destructiveHint: boolean
  idempotentHint: boolean
  openWorldHint: boolean
}

/** What a call is about, in the words that policy, approval text and audit line share. */
export type Subject = { server_id?: string; resource: string }

/** What is stored for a human to decide, when the verdict is "ask". */
export type Request = { spec: ActionSpec; words: Omit<ActionWords, 'why'> }

/** The tool cannot go on before the person has been to `url`; shown by URL elicitation where the client can. */
export type NeedsPerson = { needsPerson: { url: string; message: string } }

export type ToolDefinition<Input extends z.ZodObject, Output extends z.ZodType> = {
  id: `mttrly_${string}`
  title: string
  /** First sentence: when to use it. */
  description: string
  scope: Scope
  plan: Plan
  annotations: Annotations
  meta?: Readonly<Record<string, unknown>>
  /** Whether the agent must be connected for this to make sense. */
  needsOnline?: boolean
  input: Input
  output: Output
  subject: (input: z.output<Input>) => Subject
  /** Without it the tool touches Central's records alone. */
  effect?: (input: z.output<Input>) => Effect
  /** What a human is asked to approve. Present on every tool whose effect can be a change. */
  request?: (input: z.output<Input>, ctx: ToolContext) => Promise<Request> | Request
  /** Does what the verdict allowed. A tool without it can only ask. */
  handler?: (input: z.output<Input>, ctx: ToolContext) => Promise<z.input<Output> | NeedsPerson>
}

/** A tool with its final id, title and plan that this release does not carry out yet; it is not listed to clients. */
export type PlannedTool = Pick<Tool, 'id' | 'title' | 'scope' | 'plan'>
export type CatalogEntry = Tool | PlannedTool

export const works = (entry: CatalogEntry): entry is Tool => 'input' in entry

// biome-ignore lint/suspicious/noExplicitAny: the catalogue holds tools of every input and output; each was checked by defineTool.
export type Tool = ToolDefinition<any, any>

export function defineTool<Input extends z.ZodObject, Output extends z.ZodType>(
  tool: ToolDefinition<Input, Output>,
): ToolDefinition<Input, Output> {
  return Object.freeze(tool)
}
