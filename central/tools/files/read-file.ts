import { z } from 'zod'
import { defineTool } from '../define.ts'
import { readDockerImage, readDockerLog, withoutDockerLane } from './docker-source.ts'
import { ReadInput, ReadOutput, readContent, readJournal } from './file-content.ts'
import { notToBeApproved } from './host-files.ts'

const SOURCE = /^(journal|docker|docker-image):(.+)$/

const isDocker = (path: string): boolean => path.startsWith('docker')

const input = ReadInput.extend({
  path: z
    .string()
    .max(4096)
    .regex(/^(\/|journal:.|docker:.|docker-image:.)/)
    .describe(
      'Absolute path (.gz and .zst are read unpacked), journal:UNIT for what a systemd unit has logged, docker:CONTAINER for the log of a container, docker-image:NAME for an image, docker-image:* for all of them',
    ),
})

export const readFile = defineTool({
  id: 'mttrly_read_file',
  title: 'Read File',
  description:
    "Read a log, a configuration file, a unit's journal, or a container's log or image on a server: tail, head, from a line on, or page by page. Only what the host's owner allows; secrets come back redacted.",
  scope: 'read',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  needsOnline: true,
  input,
  output: ReadOutput,
  subject: ({ server_id, path }) => ({ server_id, resource: `file:${path}` }),
  effect: ({ path }) => ({ kind: 'read', lane: isDocker(path) ? 'docker' : 'inspect', programs: [] }),
  request: ({ path }) => (isDocker(path) ? withoutDockerLane() : notToBeApproved()),
  handler: async (asked, ctx) => {
    const [, source, name = ''] = SOURCE.exec(asked.path) ?? []
    if (source === undefined) return readContent(asked, 'normal', ctx)
    if (source === 'journal') return readJournal(asked, name, ctx)
    if (source === 'docker') return readDockerLog(asked, name, ctx)
    return readDockerImage(asked, name, ctx)
  },
})
