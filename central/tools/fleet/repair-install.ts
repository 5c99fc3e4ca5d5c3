import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { sha256 } from '#proto/contract/grant.ts'
import {
  bringsFiles,
  diffOf,
  isDriftCode,
  planRepair,
  type RepairPlan,
  Strategy,
} from '#proto/contract/installation.ts'
import { plainText } from '../../domain/text.ts'
import type { ServerView } from '../../fleet/fleet.ts'
import { ActionView } from '../action-view.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'
import { type Installation, inspect, knownServer, namedDrifts, onHost } from './installation.ts'

const TIME_LIMIT = 10 * 60_000

const input = z.object({
  server_id: z.string().max(100).describe('From mttrly_list_servers'),
  strategy: Strategy.describe(
    'issue_driven: the codes in issues; full_convergence: all that can be mended; lane_reprovision: the units of the lanes; uninstall: take everything away',
  ),
  issues: z
    .array(z.string().max(100).refine(isDriftCode, { error: 'no such code' }))
    .max(50)
    .default([])
    .describe('Codes from mttrly_get_install_health; for issue_driven alone'),
  reason: z.string().max(1000).default('').describe('Why; shown to the person who approves'),
})
type Input = z.output<typeof input>

export const repairInstall = defineTool({
  id: 'mttrly_repair_install',
  title: 'Repair Install',
  description:
    "Repair a server's agent installation, or uninstall the agent. Always returns pending_approval; the person sees the plan as a diff, and it runs only if the host is still as the plan says.",
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  needsOnline: true,
  input,
  output: ActionView,
  subject: ({ server_id, strategy }) => ({ server_id, resource: `repair:${strategy}` }),
  effect: ({ strategy }) => ({ kind: 'change', why: WHY[strategy], programs: ['mttrly-agent'] }),
  request: async (asked, ctx) => {
    const server = await knownServer(asked.server_id, ctx)
    const found = await inspect(server, ctx)
    const plan = planRepair(asked.strategy, namedDrifts(found), asked.issues.filter(isDriftCode))
    mustDoSomething(asked, plan, found)
    mustBeReadable(server.id, plan)
    const { title, effect, undo } = wordsOf(plainText(server.name), plan)
    const args = [...argsOf(asked, plan), ...filesOf(plan, found, server, ctx)]
    return {
      spec: { kind: 'repair_install', server_id: server.id, plan, ...onHost(args, TIME_LIMIT) },
      words: { title, effect, undo, reason: asked.reason },
    }
  },
})

const WHY: Record<Strategy, string> = {
  issue_driven: 'It changes the installation of the agent, as root.',
  full_convergence: 'It changes the installation of the agent, as root.',
  lane_reprovision: 'It writes the units of the lanes anew and restarts them, as root.',
  uninstall: 'It takes the agent off the server.',
}

const argsOf = ({ strategy, issues }: Input, { digest }: RepairPlan): string[] => [
  ...['repair', '--strategy', strategy],
  ...(strategy === 'issue_driven' ? ['--issues', issues.join(',')] : []),
  ...['--plan', digest],
]

/** Agents from this capability on take the manifest whose files may be brought. */
const BINDS_FILES = 6

/** The files that come are those of the release that is served as this is approved. One of another version brings none. */
function filesOf(plan: RepairPlan, { version }: Installation, server: ServerView, { releases }: ToolContext): string[] {
  const release = releases.current()
  if (!bringsFiles(plan) || server.capabilityVersion < BINDS_FILES || !('manifest' in release)) return []
  return release.manifest.version === version ? ['--manifest', sha256(release.manifestBytes)] : []
}

/** What nobody can read, nobody can approve. */
const READABLE = 200_000

function mustBeReadable(serverId: string, plan: RepairPlan): void {
  if (diffOf(plan).join('').length <= READABLE) return
  const why = 'The plan is too long to be read. Run the installer on the host again, or name single codes in issues.'
  throw new CatalogueError('OUTPUT_TOO_LARGE', { server_id: serverId, why })
}

function mustDoSomething({ strategy, issues }: Input, plan: RepairPlan, found: Installation): void {
  if (strategy === 'uninstall' || plan.drifts.length > 0) return
  const refuse = (why: string) => {
    throw new CatalogueError('VALIDATION_ERROR', { why, found: [...new Set(found.drifts.map(({ code }) => code))] })
  }
  if (strategy === 'issue_driven' && issues.length === 0) refuse('issue_driven needs the codes to mend in issues.')
  refuse('There is nothing that this repair would mend. mttrly_get_install_health says what is found, and its advice.')
}

function wordsOf(name: string, { strategy, parts, drifts }: RepairPlan) {
  if (strategy === 'uninstall')
    return {
      title: `Uninstall the agent from ${name}`,
      effect:
        'Everything of the agent goes: files, account, units, state and policy. The server goes offline and stays in the registry until it is decommissioned.',
      undo: 'The server can be enrolled again with a command of mttrly_regenerate_install_token while it is in the registry, else as a new server.',
    }
  const count = drifts.length === 1 ? 'one difference' : `${drifts.length} differences`
  return {
    title: `Repair the installation of the agent on ${name}: ${count}`,
    effect: `Brings these parts to what the signed release says: ${parts.join(', ')}. The agent may restart; runs of the act lane go on. If the host is not as the plan says any more, nothing is changed.`,
    undo: 'What was changed by hand is not kept; it stands in the plan.',
  }
}
