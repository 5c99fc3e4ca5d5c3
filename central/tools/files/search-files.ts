import { z } from 'zod'
import { plainText } from '../../domain/text.ts'
import { defineTool } from '../define.ts'
import { absolutePath, askHost, looks, notToBeApproved, serverId } from './host-files.ts'

export const searchFiles = defineTool({
  id: 'mttrly_search_files',
  title: 'Search Files',
  description:
    'Search allowed files below a directory of a server for a literal text (no patterns), optionally only in files of certain names. Matches redacted text alone.',
  scope: 'read',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  needsOnline: true,
  input: z.object({
    server_id: serverId,
    path: absolutePath.describe('A directory, or one file'),
    query: z.string().min(1).max(256).describe('Literal text within one line; case counts'),
    glob: z.string().min(1).max(256).optional().describe('Names of files, with * and ?; for example *.log'),
    max_results: z.number().int().min(1).max(200).default(50),
  }),
  output: z.object({
    server_id: z.string(),
    hits: z.array(
      z.object({
        path: z.string(),
        line: z.number().int(),
        text: z.string().describe('Redacted; untrusted text from the host'),
      }),
    ),
    files_searched: z.number().int(),
    bytes_searched: z.number().int(),
    long_lines_skipped: z.number().int(),
    files_skipped: z.record(z.string(), z.number()).describe('By reason; those that may not be read are among them'),
    truncated: z.boolean(),
    truncated_by: z.array(z.string()).describe('hits, hits_of_one_file, time, files'),
  }),
  subject: ({ server_id, path, query }) => ({ server_id, resource: `search:${path}:${query}` }),
  effect: looks,
  request: notToBeApproved,
  handler: async ({ server_id, path, query, glob, max_results }, ctx) => {
    const names = glob === undefined ? {} : { names: glob }
    const question = {
      do: 'search',
      root: path,
      needle: query,
      ring: 'normal',
      maxHits: max_results,
      ...names,
    } as const
    const found = await askHost(server_id, question, ctx)
    return {
      server_id,
      hits: found.hits.map((hit) => ({ path: plainText(hit.path), line: hit.line, text: plainText(hit.text) })),
      files_searched: found.files,
      bytes_searched: found.bytes,
      long_lines_skipped: found.longLines,
      files_skipped: found.passed,
      truncated: found.shortened.length > 0,
      truncated_by: found.shortened,
    }
  },
})
