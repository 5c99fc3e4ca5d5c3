import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { partOf, planRepair } from '#proto/contract/installation.ts'
import { plainText } from '../../domain/text.ts'
import type { ServerView } from '../../fleet/fleet.ts'
import { iso } from '../action-view.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'
import {
  cannotBeAsked,
  DriftView,
  driftView,
  inspect,
  knownServer,
  namedDrifts,
  planLines,
  runsFromCheckout,
  shown,
} from './installation.ts'
import { JUST_CLOSED, secondsUntilOffline } from './offline-server.ts'

/** Differences that one answer shows; the rest are counted. */
const SHOWN = 100

const Report = z.object({
  server_id: z.string(),
  name: z.string(),
  status: z.enum(['online', 'offline']),
  source: z.enum(['host', 'central']).describe('host: looked at now; central: what Central knows without the host'),
  health: z.enum(['healthy', 'drifted', 'unknown']),
  why_unknown: z.string().optional(),
  last_seen: z.string().nullable(),
  version: z.string().nullable(),
  served_version: z.string().nullable().describe('What mttrly_update_agent would bring'),
  pinned_version: z.string().optional().describe("The host's owner allows this version alone"),
  minimum_version: z.string().optional(),
  certificate_expires_at: z.string().nullable(),
  drifts: z.array(DriftView),
  drifts_total: z.number().int(),
  plan: z
    .object({ strategy: z.literal('full_convergence'), digest: z.string(), diff: z.array(z.string()) })
    .optional()
    .describe('What mttrly_repair_install with full_convergence would change'),
  next_step: z.string(),
})
type Report = z.input<typeof Report>

export const getInstallHealth = defineTool({
  id: 'mttrly_get_install_health',
  title: 'Get Install Health',
  description:
    "Compare a server's agent installation with its signed release: drifts, versions, certificate, and the plan that would repair it. Also says how to recover a server whose agent is dead.",
  scope: 'read',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.object({ server_id: z.string().max(100).describe('From mttrly_list_servers') }),
  output: Report,
  subject: ({ server_id }) => ({ server_id, resource: 'installation' }),
  handler: async ({ server_id }, ctx) => {
    const server = await knownServer(server_id, ctx)
    try {
      return await asFound(server, ctx)
    } catch (error) {
      if (!(error instanceof CatalogueError)) throw error
      return asRecorded(server, error, ctx)
    }
  },
})

const head = (server: ServerView, { releases }: ToolContext) => {
  const release = releases.current()
  return {
    server_id: server.id,
    name: plainText(server.name),
    status: server.online ? ('online' as const) : ('offline' as const),
    last_seen: server.lastSeenAt === null ? null : iso(server.lastSeenAt),
    served_version: 'manifest' in release ? release.manifest.version : null,
  }
}

async function asFound(server: ServerView, ctx: ToolContext): Promise<Report> {
  const found = await inspect(server, ctx)
  const drifts = namedDrifts(found)
  const plan = planRepair('full_convergence', drifts)
  const diff = planLines(plan.drifts.slice(0, SHOWN))
  const head_ = head(server, ctx)
  return {
    ...head_,
    source: 'host',
    health: found.drifts.length === 0 ? 'healthy' : 'drifted',
    version: plainText(found.version) || null,
    ...(found.pinnedVersion && { pinned_version: plainText(found.pinnedVersion) }),
    ...(found.minimumVersion && { minimum_version: plainText(found.minimumVersion) }),
    certificate_expires_at: moment(found.certificateExpiresAt),
    drifts: found.drifts.slice(0, SHOWN).map(driftView),
    drifts_total: found.drifts.length,
    ...(plan.drifts.length > 0 && { plan: { strategy: 'full_convergence' as const, digest: plan.digest, diff } }),
    next_step: nextStep(found.drifts.length, drifts.filter(({ code }) => partOf(code)).length, {
      behind: head_.served_version !== null && head_.served_version !== found.version,
    }),
  }
}

function nextStep(drifts: number, mendable: number, { behind }: { behind: boolean }): string {
  if (mendable > 0)
    return 'mttrly_repair_install with full_convergence carries out the plan, or with issue_driven the codes that you name.'
  if (drifts > 0) return 'No repair mends what is left: follow the advice beside each difference.'
  return behind
    ? 'The installation is as its release says. mttrly_update_agent brings the served version.'
    : 'The installation is as its release says.'
}

/** What Central can say of a host that cannot be asked. */
async function asRecorded(server: ServerView, error: CatalogueError, ctx: ToolContext): Promise<Report> {
  const expires = await ctx.fleet.certificateExpiry(server.id)
  const why = error.details.why
  return {
    ...head(server, ctx),
    source: 'central',
    health: 'unknown',
    why_unknown: shown(typeof why === 'string' ? why : error.message),
    version: server.agentVersion,
    certificate_expires_at: moment(expires ?? 0),
    drifts: [],
    drifts_total: 0,
    next_step: recovery(server, expires, ctx.clock.now()),
  }
}

const IN_A_CHECKOUT =
  'Nothing is to be repaired. Commands work here: read-only ones at once, others with an approval. Files, service reality, repair and update need an installed agent; “Add a server” in the console makes the line that installs one.'

const WITHOUT_LANE =
  "On the host, as root: `mttrly-agent doctor` says whether its policy.yaml is to be corrected, by the host's owner, or the installation is to be repaired, by the command it names or by the installer of Central. An enrolled host needs no token and stays who it is."

function recovery(server: ServerView, expires: number | undefined, now: number): string {
  const seconds = secondsUntilOffline(server, now)
  if (seconds !== undefined) return `${JUST_CLOSED} Ask again in ${seconds} s.`
  if (server.online && runsFromCheckout(server)) return IN_A_CHECKOUT
  if (server.online && cannotBeAsked(server)?.code === 'POLICY_DENIED') return WITHOUT_LANE
  if (server.online)
    return cannotBeAsked(server)
      ? 'On the host, as root: run the installer of Central again. An enrolled host needs no token and stays who it is.'
      : 'Ask again. If it stays so: `mttrly-agent doctor` on the host says the same without Central.'
  if (expires === undefined)
    return 'It has no certificate that holds. mttrly_regenerate_install_token makes a command that enrols the host again.'
  const expired = expires <= now ? 'Its certificate has expired, so that it cannot come back by itself. ' : ''
  return `${expired}If the host is up, mttrly_bootstrap_recover makes a command that mends its agent; the host stays who it is. If the host was reinstalled, or somebody else may have its key: mttrly_regenerate_install_token.`
}

const moment = (at: number): string | null => (at > 0 && at < 8.64e15 ? iso(at) : null)
