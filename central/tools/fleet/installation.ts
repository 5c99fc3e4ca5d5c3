// What the tools about an installation share: asking its host, planning its repair, and naming the release that is served.
import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { sha256 } from '#proto/contract/grant.ts'
import { DRIFTS, type Drift, diffOf, isDriftCode } from '#proto/contract/installation.ts'
import type { HostRun } from '../../domain/action.ts'
import { plainText } from '../../domain/text.ts'
import type { ServerView } from '../../fleet/fleet.ts'
import type { ToolContext } from '../context.ts'

/** Of the version that the act lane itself runs from, and run by it as root: the link in /usr/local/sbin may be what is damaged. */
const COMMAND = '/opt/mttrly/current/mttrly-agent'
/** Agents from this capability on have a command line that repairs and updates. */
const REPAIRS_ITSELF = 2

const text = z.string().max(4_000)
const Found = z.object({
  version: z.string().max(64),
  pinnedVersion: z.string().max(64),
  minimumVersion: z.string().max(64),
  checkedAt: z.number(),
  certificateExpiresAt: z.number(),
  drifts: z
    .array(
      z.object({
        ...{ code: z.string().max(100), target: text, was: text, should: text },
        diff: z.array(z.string().max(1_000)).max(200).default([]),
      }),
    )
    .max(2_000),
})
export type Installation = z.output<typeof Found>

export async function knownServer(serverId: string, { fleet, workspace }: ToolContext): Promise<ServerView> {
  const server = await fleet.get(workspace.id, serverId)
  if (!server) throw new CatalogueError('SERVER_NOT_FOUND', { server_id: serverId })
  return server
}

/** Nothing is installed there (`npm run up`): an installed agent has at least one lane of systemd's. */
export const runsFromCheckout = ({ lanes }: ServerView): boolean =>
  lanes.length > 0 && lanes.every(({ isolation }) => isolation !== 'systemd')

/** Central is not told why a lane is missing: a hello has only those that work. */
export const WHY_NO_INSPECT_LANE =
  'An agent that runs from a checkout never has that lane. An installed one has it, unless its own policy.yaml switches it off or cannot be understood, or its unit is broken: `mttrly-agent doctor` on the host says which.'

/** Why this host cannot be asked for its installation, whatever it would answer. */
export function cannotBeAsked(server: ServerView): CatalogueError | undefined {
  if (!server.online) return new CatalogueError('SERVER_OFFLINE', { server_id: server.id })
  if (server.capabilityVersion < REPAIRS_ITSELF) return outdated([server])
  if (server.lanes.some(({ name }) => name === 'inspect')) return
  const why = runsFromCheckout(server)
    ? 'Its agent runs from a checkout, so that nothing is installed which could be compared with a release or repaired.'
    : `Its agent has no inspect lane. ${WHY_NO_INSPECT_LANE}`
  return new CatalogueError('POLICY_DENIED', { server_id: server.id, reason: 'no_isolation', why })
}

export function outdated(servers: readonly ServerView[]): CatalogueError {
  const why = 'This agent can neither repair nor update itself. Run the installer on the host again, as root.'
  return new CatalogueError('AGENT_OUTDATED', { why, server_ids: servers.map(({ id }) => id).slice(0, 100) })
}

export const canRepairItself = (server: ServerView): boolean =>
  server.capabilityVersion === 0 || server.capabilityVersion >= REPAIRS_ITSELF

/** @throws CatalogueError when the host cannot be asked, or says what nobody could read */
export async function inspect(server: ServerView, ctx: ToolContext): Promise<Installation> {
  const refusal = cannotBeAsked(server)
  if (refusal) throw refusal
  const found = Found.safeParse(await ctx.inspectInstallation(server.id))
  if (found.success) return found.data
  throw new CatalogueError('OUTPUT_TOO_LARGE', { server_id: server.id, why: 'More differences than can be shown.' })
}

/** The differences that this Central has a name for. A host of tomorrow may know more; its own plan then has another digest. */
export const namedDrifts = ({ drifts }: Installation): Drift[] =>
  drifts.flatMap(({ code, ...rest }) => (isDriftCode(code) ? [{ code, ...rest }] : []))

export const DriftView = z.object({
  code: z.string(),
  severity: z.enum(['broken', 'weakened', 'warning']),
  says: z.string(),
  target: z.string(),
  was: z.string(),
  should: z.string(),
  mended_by: z.string().optional().describe('The part of a repair that mends it'),
  advice: z.string().optional().describe('What a person does, where no repair mends it'),
})

/** Characters of one text of a host that an answer shows; a report that is to drown its reader is none. */
const TEXT_SHOWN = 300

export const shown = (text: string): string =>
  plainText(text.length > TEXT_SHOWN ? `${text.slice(0, TEXT_SHOWN).toWellFormed()}…` : text)

/** Lines of a plan that an answer shows; the approval page shows all of them. */
const PLAN_LINES = 400

export function planLines(drifts: readonly Drift[]): string[] {
  const lines = diffOf({ drifts })
  const more = lines.length - PLAN_LINES
  return [...lines.slice(0, PLAN_LINES).map(shown), ...(more > 0 ? [`… and ${more} lines more`] : [])]
}

const OF_TOMORROW = { severity: 'warning', says: 'The host knows this difference, and this Central does not.' } as const

export function driftView({ code, target, was, should }: Installation['drifts'][number]): z.infer<typeof DriftView> {
  const known: { severity: 'broken' | 'weakened' | 'warning'; says: string; part?: string; advice?: string } =
    isDriftCode(code) ? DRIFTS[code] : OF_TOMORROW
  const { severity, says, part, advice } = known
  return {
    code: plainText(code),
    severity,
    says,
    target: shown(target),
    was: shown(was),
    should: shown(should),
    ...(part && { mended_by: part }),
    ...(advice && { advice }),
  }
}

export type Served = { version: string; manifest: string }

/** The release that hosts can be brought to. @throws CatalogueError NOT_FOUND */
export function servedRelease({ releases }: ToolContext): Served {
  const release = releases.current()
  if ('manifest' in release) return { version: release.manifest.version, manifest: sha256(release.manifestBytes) }
  const why = release.why === 'expired' ? 'The release that Central serves has expired.' : 'Central serves no release.'
  throw new CatalogueError('NOT_FOUND', { resource: 'release', why })
}

/** A command of the host's own command line, as root. */
export const onHost = (args: readonly string[], timeoutMs: number): HostRun => ({
  argv: [COMMAND, ...args],
  cwd: '/',
  env: {},
  user: '',
  terminal: false,
  timeout_ms: timeoutMs,
})
