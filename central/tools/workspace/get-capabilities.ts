import { z } from 'zod'
import { CAPABILITY_VERSION } from '#proto/contract/capability-version.ts'
import { PLANS, planCovers } from '../../domain/plan.ts'
import { CONTRACT_MAJOR } from '../contract-version.ts'
import { type CatalogEntry, defineTool, works } from '../define.ts'

export const getCapabilities = defineTool({
  id: 'mttrly_get_capabilities',
  title: 'Get Plan Capabilities',
  description:
    'Get current plan, available tools, restricted tools, and plan limits. Call this first before using any other tool.',
  scope: 'read',
  plan: 'watchdog',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  meta: { 'anthropic/alwaysLoad': true },
  input: z.object({}),
  output: z.object({
    plan: z.enum(PLANS),
    limits: z.object({
      servers: z.number().nullable(),
      log_lines: z.number(),
      log_retention_days: z.number(),
      scheduled_checks: z.number().nullable(),
    }),
    role: z.string(),
    scopes: z.array(z.string()),
    available_tools: z.array(z.string()),
    restricted_tools: z.array(z.object({ id: z.string(), why: z.string() })),
    planned_tools: z.array(z.string()).describe('Named already, not in this release'),
    contract_version: z.number().int(),
    capability_version: z.number().int(),
  }),
  subject: () => ({ resource: 'capabilities' }),
  handler: async (_input, { principal, workspace, catalog }) => {
    const restricted = catalog.filter(works).flatMap((tool) => {
      const why = !planCovers(workspace.plan, tool.plan)
        ? `Needs the plan ${tool.plan}.`
        : !principal.scopes.includes(tool.scope)
          ? `Needs the scope ${tool.scope}.`
          : undefined
      return why ? [{ id: tool.id, why }] : []
    })
    const closed = new Set<string>(restricted.map(({ id }) => id))
    const idsOf = (tools: readonly CatalogEntry[]) => tools.map(({ id }): string => id)
    return {
      plan: workspace.plan,
      limits: workspace.limits,
      role: principal.role,
      scopes: [...principal.scopes],
      available_tools: idsOf(catalog.filter(works)).filter((id) => !closed.has(id)),
      restricted_tools: restricted,
      planned_tools: idsOf(catalog.filter((tool) => !works(tool))),
      contract_version: CONTRACT_MAJOR,
      capability_version: CAPABILITY_VERSION,
    }
  },
})
