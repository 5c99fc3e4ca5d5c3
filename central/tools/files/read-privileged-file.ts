import { defineTool } from '../define.ts'
import { ReadInput, ReadOutput, readContent } from './file-content.ts'
import { looks, notToBeApproved } from './host-files.ts'

export const readPrivilegedFile = defineTool({
  id: 'mttrly_read_privileged_file',
  title: 'Read Privileged File',
  description:
    "Read a file of the host's extended allowlist, such as sudoers overrides, PAM or crontabs, on a server. Secrets come back redacted; keys, password hashes and the agent's own files are never given.",
  scope: 'read',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  needsOnline: true,
  input: ReadInput,
  output: ReadOutput,
  subject: ({ server_id, path }) => ({ server_id, resource: `privileged_file:${path}` }),
  effect: looks,
  request: notToBeApproved,
  handler: (asked, ctx) => readContent(asked, 'privileged', ctx),
})
