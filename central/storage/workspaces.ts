// Workspaces: the owner of servers, members, plan, policy and audit log.
import { z } from 'zod'
import { createId } from '../domain/ids.ts'
import { PLANS, type Plan, type PlanLimits } from '../domain/plan.ts'
import { Policy } from '../domain/policy.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export type Workspace = {
  id: string
  name: string
  plan: Plan
  /** Single limits of the plan that an administrator has set otherwise. */
  overrides: Partial<PlanLimits>
  policy: Policy
  createdAt: number
}
export type WorkspacesStore = ReturnType<typeof createWorkspacesStore>

const FIRST = `wsp_${'0'.repeat(31)}1`
const Count = z.int().min(0)
const Overrides: z.ZodType<Partial<PlanLimits>> = z.strictObject({
  servers: Count.nullable().optional(),
  log_lines: Count.optional(),
  log_retention_days: Count.optional(),
  scheduled_checks: Count.nullable().optional(),
})

export function createWorkspacesStore({ kysely }: Database) {
  /** Whether there is such a workspace. */
  const set = async (id: string, values: Partial<Pick<Schema['workspaces'], 'plan' | 'overrides' | 'policy'>>) => {
    const result = await kysely.updateTable('workspaces').set(values).where('id', '=', id).executeTakeFirstOrThrow()
    return result.numUpdatedRows === 1n
  }

  return {
    async create(workspace: Omit<Workspace, 'id'>): Promise<Workspace> {
      const row = toRow({ ...workspace, id: createId('workspace') })
      await kysely.insertInto('workspaces').values(row).execute()
      return fromRow(row)
    },

    /** The oldest workspace; made if there is none. Programs that start side by side get the same one. */
    async first(make: () => Omit<Workspace, 'id'>): Promise<Workspace> {
      const oldest = () =>
        kysely.selectFrom('workspaces').selectAll().orderBy('created_at').orderBy('id').limit(1).executeTakeFirst()
      const there = await oldest()
      if (there) return fromRow(there)
      const row = toRow({ ...make(), id: FIRST })
      await kysely
        .insertInto('workspaces')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
      return fromRow((await oldest()) ?? row)
    },

    async get(id: string): Promise<Workspace | undefined> {
      const row = await kysely.selectFrom('workspaces').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    /** Oldest first. */
    async list(): Promise<Workspace[]> {
      const rows = await kysely.selectFrom('workspaces').selectAll().orderBy('created_at').orderBy('id').execute()
      return rows.map(fromRow)
    },

    setPlan: (id: string, plan: Plan): Promise<boolean> => set(id, { plan }),

    /** Replaces all of them. @throws z.ZodError */
    setOverrides: (id: string, overrides: Partial<PlanLimits>): Promise<boolean> =>
      set(id, { overrides: JSON.stringify(Overrides.parse(overrides)) }),

    /** Replaces all of it. @throws z.ZodError */
    setPolicy: (id: string, policy: Policy): Promise<boolean> =>
      set(id, { policy: JSON.stringify(Policy.parse(policy)) }),
  }
}

const toRow = ({ createdAt, overrides, policy, ...rest }: Workspace): Schema['workspaces'] => ({
  ...rest,
  overrides: JSON.stringify(Overrides.parse(overrides)),
  policy: JSON.stringify(Policy.parse(policy)),
  created_at: createdAt,
})

const fromRow = (row: Schema['workspaces']): Workspace => ({
  id: row.id,
  name: row.name,
  plan: z.enum(PLANS).parse(row.plan),
  overrides: Overrides.parse(JSON.parse(row.overrides)),
  policy: Policy.parse(JSON.parse(row.policy)),
  createdAt: row.created_at,
})
