// Docker's logs and images as the tool that reads files shows them. Asked of the docker lane; what the host says is untrusted.

import {
  type DockerAnswers,
  type DockerQuestion,
  type DockerQuestionOf,
  parseDockerAnswer,
} from '#proto/contract/docker.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { plainText } from '../../domain/text.ts'
import type { ToolContext } from '../context.ts'
import { linesIn, type ReadInput, type ReadOutput } from './file-content.ts'

/** Agents from this capability on ask the container engine. */
const ASKS_DOCKER = 4
/** Instead of a name: all of them. */
const ALL = '*'

/** A look is allowed or not; there is nothing in it that a person could approve. */
export function withoutDockerLane(): never {
  const why =
    'This server has no docker lane that answers, so that its containers cannot be looked at without an approval. mttrly_execute_command can ask for one. Its own policy.yaml may switch the lane off or be broken: `mttrly-agent doctor` on the host says which.'
  throw new CatalogueError('POLICY_DENIED', { reason: 'no_isolation', why })
}

async function askDocker<Do extends DockerQuestion['do']>(
  id: string,
  question: DockerQuestionOf<Do> & { do: Do },
  { fleet, workspace, askDocker }: ToolContext,
): Promise<DockerAnswers[Do]> {
  const server = await fleet.get(workspace.id, id)
  if (!server) throw new CatalogueError('SERVER_NOT_FOUND', { server_id: id })
  if (server.capabilityVersion < ASKS_DOCKER) {
    const why = 'The agent of this server does not ask the container engine yet.'
    throw new CatalogueError('AGENT_OUTDATED', { server_id: id, why })
  }
  const json = await askDocker(id, JSON.stringify(question))
  try {
    return parseDockerAnswer(question.do, json)
  } catch (error) {
    const why = 'What the host answered is not what its capability version promises.'
    throw new CatalogueError('INTERNAL_ERROR', { server_id: id, why }, { cause: error })
  }
}

/** The last lines that a container has written; it has no pages. */
export async function readDockerLog(asked: ReadInput, container: string, ctx: ToolContext): Promise<ReadOutput> {
  const limit = ctx.workspace.limits.log_lines
  const lines = Math.min(asked.lines, limit)
  const found = await askDocker(asked.server_id, { do: 'logs', container, lines }, ctx)
  const given = linesIn(found.text)
  const by = found.shortened ? 'bytes' : lines < asked.lines && given >= lines ? 'plan' : undefined
  return {
    ...headOf(asked, limit),
    kind: 'docker-log',
    content: plainText(found.text),
    lines: given,
    redactions: found.redactions,
    truncated: by !== undefined,
    ...(by && { truncated_by: by }),
  }
}

/** What an image is, as JSON; `*` lists them. */
export async function readDockerImage(asked: ReadInput, image: string, ctx: ToolContext): Promise<ReadOutput> {
  const found =
    image === ALL
      ? await askDocker(asked.server_id, { do: 'images' }, ctx)
      : await askDocker(asked.server_id, { do: 'image', image }, ctx)
  const content = JSON.stringify(found, null, 1)
  return {
    ...headOf(asked, ctx.workspace.limits.log_lines),
    kind: 'docker-image',
    content: plainText(content),
    lines: linesIn(content),
    truncated: 'omitted' in found && found.omitted > 0,
  }
}

const headOf = ({ server_id, path }: ReadInput, lines_limit: number) => ({
  server_id,
  path: plainText(path),
  lines_limit,
  next_cursor: null,
})
