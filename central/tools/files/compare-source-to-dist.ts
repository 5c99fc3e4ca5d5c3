import { z } from 'zod'
import { defineTool } from '../define.ts'
import { absolutePath, askHost, looks, Names, notToBeApproved, plainNames, serverId } from './host-files.ts'

const VERDICTS = ['current', 'stale', 'incomplete', 'unverified'] as const

export const compareSourceToDist = defineTool({
  id: 'mttrly_compare_source_to_dist',
  title: 'Compare Source To Dist',
  description:
    'Find out whether a built tree on a server belongs to its source tree: by content, through source maps where there are any, and by name where nothing else tells.',
  scope: 'read',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  needsOnline: true,
  input: z.object({ server_id: serverId, source_path: absolutePath, dist_path: absolutePath }),
  output: z.object({
    server_id: z.string(),
    verdict: z
      .enum(VERDICTS)
      .describe(
        'incomplete: sources without anything built of them; unverified: nothing holds the text it was built from',
      ),
    fresh: Names.describe('The same bytes, or the text that a source map holds'),
    stale: Names.describe('Built or copied from another content'),
    missing: Names.describe('In the source, and nothing built speaks of it'),
    extra: Names.describe('In the built tree, and nothing in the source explains it'),
    unverified: Names.extend({ newer: z.number().int().describe('Changed after it was built') }),
    source_maps: z.number().int(),
    files: z.object({ source: z.number().int(), dist: z.number().int() }),
    truncated: z.boolean(),
    truncated_by: z.array(z.string()),
  }),
  subject: ({ server_id, source_path, dist_path }) => ({ server_id, resource: `compare:${source_path}:${dist_path}` }),
  effect: looks,
  request: notToBeApproved,
  handler: async ({ server_id, source_path, dist_path }, ctx) => {
    const question = { do: 'compare', source: source_path, dist: dist_path, ring: 'normal' } as const
    const found = await askHost(server_id, question, ctx)
    return {
      server_id,
      verdict: verdictOf(found),
      fresh: plainNames(found.fresh),
      stale: plainNames(found.stale),
      missing: plainNames(found.missing),
      extra: plainNames(found.extra),
      unverified: plainNames(found.unverified),
      source_maps: found.maps,
      files: found.files,
      truncated: found.shortened.length > 0,
      truncated_by: found.shortened,
    }
  },
})

type Counted = { stale: { count: number }; missing: { count: number }; unverified: { count: number; newer: number } }

function verdictOf({ stale, missing, unverified }: Counted): (typeof VERDICTS)[number] {
  if (stale.count + unverified.newer > 0) return 'stale'
  if (missing.count > 0) return 'incomplete'
  return unverified.count > 0 ? 'unverified' : 'current'
}
