import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { CONTENT_MAX } from '#proto/contract/files.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Script, ScriptSpec } from '../../domain/action.ts'
import { plainText } from '../../domain/text.ts'
import { ActionView } from '../action-view.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'
import { programsOfScript } from '../effect-of.ts'
import { onHost } from '../fleet/installation.ts'
import { absolutePath, askHost, serverId, serverWithFiles } from './host-files.ts'

/** How each reads its program from standard input, with arguments behind it. */
const INTERPRETERS = {
  bash: ['/bin/bash', '-s', '--'],
  sh: ['/bin/sh', '-s', '--'],
  python3: ['/usr/bin/env', 'python3', '-'],
  perl: ['/usr/bin/env', 'perl', '-'],
  node: ['/usr/bin/env', 'node', '-'],
} as const
const NAMES = ['bash', 'sh', 'python3', 'perl', 'node'] as const

const input = z.object({
  server_id: serverId,
  path: absolutePath.optional().describe("A managed script, of a directory that the host's owner allows"),
  script: z.string().min(1).max(CONTENT_MAX).optional().describe('An inline script, instead of path'),
  interpreter: z.enum(NAMES).default('bash').describe('Of an inline script; it reads the script as standard input'),
  args: z.array(z.string().max(4096)).max(100).default([]),
  cwd: absolutePath.default('/').describe('Working directory'),
  timeout_s: z
    .number()
    .int()
    .min(1)
    .max(LIMITS.runMax / 1000)
    .default(300),
  reason: z.string().max(1000).default('').describe('Why; shown to the person who approves'),
})
type Input = z.output<typeof input>

export const executeScript = defineTool({
  id: 'mttrly_execute_script',
  title: 'Execute Script',
  description:
    'Run a managed script of a server, or an inline script, as root. Returns pending_approval with the whole script shown; a managed one runs only if it is still the one that was shown. Never retry a pending script: use its action_id.',
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  needsOnline: true,
  input,
  output: ActionView,
  subject: ({ server_id, path, interpreter }) => ({ server_id, resource: `script:${path ?? `inline ${interpreter}`}` }),
  effect: (asked) => ({ kind: 'change', why: 'A script can change anything.', programs: programsOf(asked) }),
  request: async (asked, ctx) => {
    const { args, cwd, timeout_s, reason } = asked
    const script = await scriptOf(asked, ctx)
    const run = onHost([], timeout_s * 1000)
    const spec: ScriptSpec = {
      ...{ kind: 'execute_script', server_id: asked.server_id, script },
      ...(script.kind === 'managed'
        ? { ...run, argv: [...run.argv, 'run-script', script.path, '--sha256', script.sha256, '--', ...args] }
        : { ...run, argv: [...INTERPRETERS[asked.interpreter], ...args], input: base64(script.text) }),
      cwd,
    }
    return { spec, words: { ...wordsOf(script), reason } }
  },
})

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const programsOf = ({ script: text, interpreter, path = '' }: Input): readonly string[] =>
  text === undefined
    ? programsOfScript({ kind: 'managed', path, sha256: '', text: '', redactions: 0 })
    : programsOfScript({ kind: 'inline', interpreter, text })

async function scriptOf({ server_id, path, script, interpreter }: Input, ctx: ToolContext): Promise<Script> {
  if ((path === undefined) === (script === undefined))
    throw new CatalogueError('VALIDATION_ERROR', {
      why: 'Either path, for a managed script, or script, for an inline one.',
    })
  if (path !== undefined) {
    const { size: _size, ...found } = await askHost(server_id, { do: 'script', path }, ctx)
    return { kind: 'managed', ...found }
  }
  await serverWithFiles(server_id, ctx)
  if (Buffer.byteLength(script ?? '') > CONTENT_MAX)
    throw new CatalogueError('OUTPUT_TOO_LARGE', { limit: CONTENT_MAX })
  return { kind: 'inline', interpreter, text: script ?? '' }
}

const wordsOf = (script: Script) => ({
  title:
    script.kind === 'managed'
      ? `Run the script ${plainText(script.path)}`
      : `Run an inline ${script.interpreter} script`,
  effect:
    script.kind === 'managed'
      ? 'Runs as root what is shown. If the script is another one by then, nothing is run.'
      : 'Runs as root what is shown; it may change anything on this server.',
  undo: 'Cannot be undone by mttrly.',
})
