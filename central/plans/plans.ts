// What a workspace may use: its plan, an administrator's overrides, its policy. Imported by calls, fleet's enrolment,
// the console and the administrator's command line.
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import { limitsOf, type Plan, type PlanLimits } from '../domain/plan.ts'
import type { Policy } from '../domain/policy.ts'
import type { WorkspacesStore } from '../storage/workspaces.ts'

/** A changed policy is seen at once on this replica and, should the bus lose a message, within this time elsewhere. */
const CACHE_MS = 2_000
const CHANGED = 'workspace_changed'

export type Workspace = { id: string; name: string; plan: Plan; limits: PlanLimits; policy: Policy }

export function createPlans(rooms: { store: WorkspacesStore; bus: Bus; clock: Clock }) {
  const { store, bus, clock } = rooms
  const cache = new Map<string, { workspace: Workspace; until: number }>()
  bus.subscribe(CHANGED, (message) => cache.delete((message as { workspace_id: string }).workspace_id))

  async function get(workspaceId: string): Promise<Workspace> {
    const cached = cache.get(workspaceId)
    if (cached && cached.until > clock.now()) return cached.workspace
    const row = await store.get(workspaceId)
    if (!row) throw new CatalogueError('NOT_FOUND', { what: 'workspace' })
    const workspace = {
      id: row.id,
      name: row.name,
      plan: row.plan,
      limits: limitsOf(row.plan, row.overrides),
      policy: row.policy,
    }
    cache.set(workspaceId, { workspace, until: clock.now() + CACHE_MS })
    return workspace
  }

  const changed = (workspaceId: string) => bus.publish(CHANGED, { workspace_id: workspaceId })

  return {
    get,
    async setPlan(workspaceId: string, plan: Plan): Promise<void> {
      await store.setPlan(workspaceId, plan)
      changed(workspaceId)
    },
    /** An administrator's limits in place of the plan's. */
    async setOverrides(workspaceId: string, overrides: Partial<PlanLimits>): Promise<void> {
      await store.setOverrides(workspaceId, overrides)
      changed(workspaceId)
    },
    async setPolicy(workspaceId: string, policy: Policy): Promise<void> {
      await store.setPolicy(workspaceId, policy)
      changed(workspaceId)
    },
  }
}

export type Plans = ReturnType<typeof createPlans>
