// Plans: what a workspace may use. A workspace can hold an administrator's override of single limits.

export const PLANS = ['watchdog', 'deployment_bro', 'deployment_crew'] as const
export type Plan = (typeof PLANS)[number]

/** null is unlimited. */
export type PlanLimits = {
  servers: number | null
  log_lines: number
  log_retention_days: number
  scheduled_checks: number | null
}

export const PLAN_LIMITS: Record<Plan, PlanLimits> = {
  watchdog: { servers: 1, log_lines: 50, log_retention_days: 7, scheduled_checks: 0 },
  deployment_bro: { servers: 3, log_lines: 500, log_retention_days: 30, scheduled_checks: 5 },
  deployment_crew: { servers: 9, log_lines: 500, log_retention_days: 30, scheduled_checks: null },
}

/** Whether a workspace on `held` may use what needs `needed`. */
export const planCovers = (held: Plan, needed: Plan): boolean => PLANS.indexOf(held) >= PLANS.indexOf(needed)

export const limitsOf = (plan: Plan, overrides: Partial<PlanLimits>): PlanLimits => ({
  ...PLAN_LIMITS[plan],
  ...overrides,
})
