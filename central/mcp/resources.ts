// Resources: what does not change between releases, for a client that wants to read it up.
import { ERRORS } from '#proto/contract/errors.ts'
import { PLAN_LIMITS, PLANS, planCovers } from '../domain/plan.ts'
import type { CatalogEntry } from '../tools/define.ts'
import type { OfferedResource } from './surface.ts'

type About = { uri: string; name: string; title: string; description: string }

function jsonResource(about: About, content: unknown): OfferedResource {
  const contents = [{ uri: about.uri, mimeType: 'application/json', text: JSON.stringify(content, null, 2) }]
  return { listed: { ...about, mimeType: 'application/json' }, read: () => ({ contents }) }
}

const errors = Object.entries(ERRORS).map(([code, { description, action, retry }]) => ({
  code,
  description,
  suggested_action: action,
  same_request_can_succeed_later: retry,
}))

const plans = (catalog: readonly CatalogEntry[]) =>
  PLANS.map((plan) => ({
    plan,
    limits: PLAN_LIMITS[plan],
    tools: catalog.filter((tool) => planCovers(plan, tool.plan)).map(({ id }) => id),
  }))

export const createResources = (catalog: readonly CatalogEntry[]): readonly OfferedResource[] => [
  jsonResource(
    {
      uri: 'mttrly://errors',
      name: 'errors',
      title: 'Error catalogue',
      description: 'Every error code, what it means and what to do next.',
    },
    { errors },
  ),
  jsonResource(
    {
      uri: 'mttrly://plans',
      name: 'plans',
      title: 'Plans',
      description: 'What each plan may use, and its limits. mttrly_get_capabilities says which plan is held.',
    },
    { plans: plans(catalog) },
  ),
]
