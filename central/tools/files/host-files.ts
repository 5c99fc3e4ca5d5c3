// What the tools that look at a host's files share: asking its inspect lane, and how one is refused.
import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { type FileAnswer, type FileQuestion, parseAnswer, type QuestionOf } from '#proto/contract/files.ts'
import type { Effect } from '../../domain/decide.ts'
import { plainText } from '../../domain/text.ts'
import type { ServerView } from '../../fleet/fleet.ts'
import type { ToolContext } from '../context.ts'
import { WHY_NO_INSPECT_LANE } from '../fleet/installation.ts'

/** Agents from this capability on answer questions about files. */
const ANSWERS_FILES = 3

export const serverId = z.string().max(100).describe('From mttrly_list_servers')
export const absolutePath = z.string().max(4096).startsWith('/')

export const looks = (): Effect => ({ kind: 'read', lane: 'inspect', programs: [] })

/** A look is allowed or not; there is nothing in it that a person could approve. */
export function notToBeApproved(): never {
  const why = `This server has no inspect lane that was found to hold what runs in it, so that its files cannot be looked at without an approval; mttrly_execute_command can ask for one. ${WHY_NO_INSPECT_LANE}`
  throw new CatalogueError('POLICY_DENIED', { reason: 'no_isolation', why })
}

export async function serverWithFiles(id: string, { fleet, workspace }: ToolContext): Promise<ServerView> {
  const server = await fleet.get(workspace.id, id)
  if (!server) throw new CatalogueError('SERVER_NOT_FOUND', { server_id: id })
  if (server.capabilityVersion >= ANSWERS_FILES) return server
  const why = 'The agent of this server does not answer questions about files yet.'
  throw new CatalogueError('AGENT_OUTDATED', { server_id: id, why })
}

/** @throws CatalogueError what the host refused, with its reason in the details */
export async function askHost<Do extends FileQuestion['do']>(
  id: string,
  question: QuestionOf<Do> & { do: Do },
  ctx: ToolContext,
): Promise<FileAnswer<Do>> {
  await serverWithFiles(id, ctx)
  const json = await ctx.askFiles(id, JSON.stringify(question))
  try {
    return parseAnswer(question.do, json)
  } catch (error) {
    const why = 'What the host answered is not what its capability version promises.'
    throw new CatalogueError('INTERNAL_ERROR', { server_id: id, why }, { cause: error })
  }
}

export const Names = z.object({ count: z.number().int(), names: z.array(z.string()) })

/** Names of a host are its text like any other. */
export const plainNames = <Found extends { names: string[] }>(found: Found): Found => ({
  ...found,
  names: found.names.map(plainText),
})
