import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { isVersion } from '#proto/contract/release.ts'
import type { Rollout } from '../../domain/rollout.ts'
import { plainText } from '../../domain/text.ts'
import { ActionView } from '../action-view.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'
import { canRepairItself, inspect, knownServer, onHost, outdated, type Served, servedRelease } from './installation.ts'

const TIME_LIMIT = 15 * 60_000

const input = z.object({
  server_id: z.string().max(100).describe('From mttrly_list_servers; in a rollout the canary'),
  reason: z.string().max(1000).default('').describe('Why; shown to the person who approves'),
  rollout: z
    .object({
      server_ids: z.array(z.string().max(100)).min(1).max(1_000),
      share: z.number().int().min(1).max(100).default(25).describe('Percent of them in one wave'),
      max_in_flight: z.number().int().min(1).max(100).default(4),
    })
    .optional()
    .describe('A staged rollout: these follow in waves once the canary has succeeded; the first failure halts it'),
})

export const updateAgent = defineTool({
  id: 'mttrly_update_agent',
  title: 'Update Agent',
  description:
    'Update the agent of a server, or of many in waves, to the release that Central serves. Always returns pending_approval; a version that does not hold is rolled back by the host.',
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  needsOnline: true,
  input,
  output: ActionView,
  subject: ({ server_id, rollout }) => ({
    server_id,
    resource: rollout ? `update:${server_id} and ${rollout.server_ids.length} more` : 'update',
  }),
  effect: () => ({ kind: 'change', why: 'It replaces the agent, as root.', programs: ['mttrly-agent'] }),
  request: async ({ server_id, reason, rollout: asked }, ctx) => {
    const release = servedRelease(ctx)
    const server = await knownServer(server_id, ctx)
    const { version: now, pinnedVersion } = await inspect(server, ctx)
    mustBeWanted(server_id, { now, pinnedVersion }, release)
    const rollout = asked && (await rolloutOf(server_id, asked, release, ctx))
    const args = ['update', '--to', release.version, '--manifest', release.manifest]
    return {
      spec: {
        kind: 'update_agent',
        server_id,
        ...release,
        ...(rollout && { rollout }),
        ...onHost(args, TIME_LIMIT),
      },
      words: { ...wordsOf(plainText(server.name), isVersion(now) ? now : '', release, rollout), reason },
    }
  },
})

function mustBeWanted(
  serverId: string,
  { now, pinnedVersion }: { now: string; pinnedVersion: string },
  { version }: Served,
): void {
  if (pinnedVersion !== '' && pinnedVersion !== version) {
    const why = "The host's owner has pinned another version in /etc/mttrly/policy.yaml."
    const pin = { source: 'host_policy', pinned_version: plainText(pinnedVersion) }
    throw new CatalogueError('POLICY_DENIED', { server_id: serverId, ...pin, why })
  }
  if (now === version)
    throw new CatalogueError('VALIDATION_ERROR', { server_id: serverId, why: `It runs ${version} already.` })
}

const ONE_BY_ONE = 'These servers run only what an approver has signed for each of them: update them one by one.'

/** Those that are to follow and do not run the version yet. */
async function rolloutOf(
  canary: string,
  asked: Rollout,
  { version }: Served,
  { fleet, workspace }: ToolContext,
): Promise<Rollout> {
  const known = new Map((await fleet.list(workspace.id)).map((server) => [server.id, server]))
  const ids = [...new Set(asked.server_ids)].filter((id) => id !== canary)
  const missing = ids.filter((id) => !known.has(id))
  if (missing.length > 0) throw new CatalogueError('SERVER_NOT_FOUND', { server_ids: missing.slice(0, 100) })
  const servers = ids.flatMap((id) => known.get(id) ?? [])
  const signed = servers.filter(({ approvers }) => approvers).map(({ id }) => id)
  if (signed.length > 0)
    throw new CatalogueError('VALIDATION_ERROR', { server_ids: signed.slice(0, 100), why: ONE_BY_ONE })
  const old = servers.filter((server) => !canRepairItself(server))
  if (old.length > 0) throw outdated(old)
  const server_ids = servers.filter(({ agentVersion }) => agentVersion !== version).map(({ id }) => id)
  if (server_ids.length === 0)
    throw new CatalogueError('VALIDATION_ERROR', { why: `All servers of the rollout run ${version} already.` })
  return { ...asked, server_ids }
}

function wordsOf(name: string, now: string, { version }: Served, rollout: Rollout | undefined) {
  const host =
    'The host fetches the release, checks signature, age and room, changes over, and goes back by itself when the new version does not come up. Runs of the act lane go on.'
  const undo = 'A host does not go back to an older version by an update; the installer can, on the host.'
  if (!rollout)
    return {
      title: `Update the agent on ${name} from ${now || 'an unknown version'} to ${version}`,
      effect: host,
      undo,
    }
  const { server_ids, share, max_in_flight } = rollout
  return {
    title: `Update the agent on ${name}, then on ${server_ids.length} more, to ${version}`,
    effect: `${host} When the first has succeeded, the others follow by themselves in waves of ${share} percent, ${max_in_flight} at once at most; the first that fails halts it. A server that is offline when its turn comes is left out.`,
    undo: `${undo} Cancelling this action stops what has not begun.`,
  }
}
