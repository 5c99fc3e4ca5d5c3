// What the pages for owners share: who may come in, what is written down before it holds, how a refusal is told.
import { CatalogueError } from '#proto/contract/errors.ts'
import { actorOf } from '../approvals/approvals.ts'
import type { AuditEventName } from '../domain/audit.ts'
import { createId } from '../domain/ids.ts'
import { principalOf, type Visit } from './door.ts'
import { REFUSED } from './proof.ts'
import type { ConsoleRooms } from './rooms.ts'

export function mustBeOwner({ session }: Visit): void {
  if (session.role !== 'owner')
    throw new CatalogueError('FORBIDDEN', { why: 'Only an owner sees and changes the settings.' })
}

/** Resolves when the line is durable; what it tells of may be done only then. */
export function writeDown(
  { session }: Visit,
  { audit }: { audit: Pick<ConsoleRooms['audit'], 'append'> },
  line: { event: AuditEventName; resource: string; details?: object; outcome?: string },
): Promise<void> {
  const { event, resource, details = {}, outcome } = line
  return audit.append({
    event,
    workspace_id: session.workspaceId,
    call_id: createId('request'),
    actor: actorOf(principalOf(session)),
    resource,
    ...(outcome !== undefined && { outcome }),
    details: { ...details },
  })
}

/** Where a refusal is said: beside the proof, or above the page. Faults are thrown on. */
export function refusalOf(error: unknown): { atProof: string } | { why: string } {
  if (!(error instanceof CatalogueError)) throw error
  const atProof = REFUSED[error.code]
  if (atProof) return { atProof }
  return { why: typeof error.details.why === 'string' ? error.details.why : error.message }
}
