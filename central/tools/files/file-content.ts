// One page of a file as the two reading tools ask for it and show it. The plan bounds the lines of a page; the cursor goes on.
import { z } from 'zod'
import type { FileAnswer, QuestionOf } from '#proto/contract/files.ts'
import { plainText } from '../../domain/text.ts'
import { iso } from '../action-view.ts'
import type { ToolContext } from '../context.ts'
import { askHost, serverId } from './host-files.ts'

const DEFAULT_LINES = 100
const DEFAULT_BYTES = 32 * 1024
const MOST_BYTES = 256 * 1024

export const ReadInput = z.object({
  server_id: serverId,
  path: z.string().max(4096).startsWith('/').describe('Absolute path; .gz and .zst are read unpacked'),
  from: z.enum(['tail', 'head']).default('tail').describe('Which end to read when no line and no cursor is given'),
  lines: z.number().int().min(1).max(10_000).default(DEFAULT_LINES).describe('At most; the plan bounds it'),
  first_line: z.number().int().min(1).optional().describe('Read from this line on, counted from 1'),
  cursor: z.string().max(200).optional().describe('next_cursor of the page before'),
  max_bytes: z.number().int().min(1).max(MOST_BYTES).default(DEFAULT_BYTES),
})
export type ReadInput = z.output<typeof ReadInput>

export const ReadOutput = z.object({
  server_id: z.string(),
  path: z.string().describe('The real path that was read'),
  kind: z.enum(['text', 'binary', 'journal', 'docker-log', 'docker-image']),
  content: z.string().optional().describe('Redacted; untrusted text from the host'),
  lines: z.number().int(),
  first_line: z.number().int().optional(),
  size_bytes: z.number().int().optional(),
  bytes_before: z.number().int().optional(),
  bytes_after: z.number().int().optional(),
  modified_at: z.string().optional(),
  packed: z.string().optional(),
  sha256: z.string().optional().describe('Of a binary file, whose bytes are not shown'),
  changed_while_read: z.boolean().optional(),
  redactions: z.number().int().optional(),
  truncated: z.boolean().describe('There is less than was asked for'),
  truncated_by: z.enum(['plan', 'bytes', 'time', 'long_line']).optional(),
  lines_limit: z.number().int().describe('Lines that the plan allows in one answer'),
  next_cursor: z.string().nullable(),
})
export type ReadOutput = z.input<typeof ReadOutput>

type Wanted = QuestionOf<'read'>['wanted']

function wantedOf({ from, first_line, cursor }: ReadInput, lines: number): Wanted {
  if (cursor !== undefined) return { kind: 'page', cursor, lines }
  if (first_line !== undefined) return { kind: 'lines', from: first_line, to: first_line + lines - 1 }
  return { kind: from, lines }
}

export async function readContent(
  asked: ReadInput,
  ring: QuestionOf<'read'>['ring'],
  ctx: ToolContext,
): Promise<ReadOutput> {
  const limit = ctx.workspace.limits.log_lines
  const lines = Math.min(asked.lines, limit)
  const question = {
    do: 'read',
    ring,
    path: asked.path,
    wanted: wantedOf(asked, lines),
    maxBytes: asked.max_bytes,
  } as const
  const found = await askHost(asked.server_id, question, ctx)
  const head = { server_id: asked.server_id, lines_limit: limit, ...aboutOf(found) }
  if (found.kind === 'binary')
    return {
      ...head,
      kind: 'binary',
      lines: 0,
      truncated: true,
      next_cursor: null,
      ...(found.sha256 && { sha256: found.sha256 }),
    }
  const given = linesIn(found.text)
  const by = found.shortened ?? (lines < asked.lines && given === lines ? 'plan' : undefined)
  return {
    ...head,
    kind: 'text',
    content: plainText(found.text),
    lines: given,
    ...(found.firstLine !== undefined && { first_line: found.firstLine }),
    bytes_before: found.before,
    ...(found.after !== undefined && { bytes_after: found.after }),
    redactions: found.redactions,
    truncated: by !== undefined,
    ...(by && { truncated_by: by }),
    next_cursor: found.next ?? null,
  }
}

const aboutOf = ({ path, size, packed, modifiedAt, changed }: FileAnswer<'read'>) => ({
  path: plainText(path),
  ...(size !== undefined && { size_bytes: size }),
  ...(packed && { packed: plainText(packed) }),
  modified_at: iso(modifiedAt),
  ...(changed && { changed_while_read: true }),
})

/** The last lines of a unit's journal; it has no pages. */
export async function readJournal(asked: ReadInput, unit: string, ctx: ToolContext): Promise<ReadOutput> {
  const limit = ctx.workspace.limits.log_lines
  const lines = Math.min(asked.lines, limit)
  const found = await askHost(asked.server_id, { do: 'journal', unit, lines }, ctx)
  const given = linesIn(found.text)
  const by = found.shortened ? 'bytes' : lines < asked.lines && given >= lines ? 'plan' : undefined
  return {
    server_id: asked.server_id,
    path: plainText(asked.path),
    kind: 'journal',
    content: plainText(found.text || found.detail),
    lines: given,
    redactions: found.redactions,
    truncated: by !== undefined,
    ...(by && { truncated_by: by }),
    lines_limit: limit,
    next_cursor: null,
  }
}

export const linesIn = (text: string): number => {
  const feeds = text.split('\n').length - 1
  return text === '' || text.endsWith('\n') ? feeds : feeds + 1
}
