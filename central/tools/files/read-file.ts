import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'
import { ReadInput, ReadOutput, readContent, readJournal } from './file-content.ts'
import { looks, notToBeApproved, serverWithFiles } from './host-files.ts'

const SOURCE = /^(journal|docker|docker-image):(.+)$/

const input = ReadInput.extend({
  path: z
    .string()
    .max(4096)
    .regex(/^(\/|journal:.|docker:.|docker-image:.)/)
    .describe('Absolute path (.gz and .zst are read unpacked), or journal:UNIT for what a systemd unit has logged'),
})

export const readFile = defineTool({
  id: 'mttrly_read_file',
  title: 'Read File',
  description:
    "Read a log, a configuration file or a unit's journal on a server: tail, head, from a line on, or page by page. Only what the host's owner allows; secrets come back redacted.",
  scope: 'read',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  needsOnline: true,
  input,
  output: ReadOutput,
  subject: ({ server_id, path }) => ({ server_id, resource: `file:${path}` }),
  effect: looks,
  request: notToBeApproved,
  handler: async (asked, ctx) => {
    const [, source, name = ''] = SOURCE.exec(asked.path) ?? []
    if (source === undefined) return readContent(asked, 'normal', ctx)
    if (source === 'journal') return readJournal(asked, name, ctx)
    return fromDocker(asked.server_id, ctx)
  },
})

async function fromDocker(id: string, ctx: ToolContext): Promise<never> {
  const { docker } = await serverWithFiles(id, ctx)
  if (!docker) throw new CatalogueError('DOCKER_NOT_AVAILABLE', { server_id: id })
  const why = 'Logs and images of Docker are not in this release. mttrly_execute_command can ask for "docker logs".'
  throw new CatalogueError('VALIDATION_ERROR', { field: 'path', why })
}
