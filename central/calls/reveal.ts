// What an action of Central's own has to say, shown on its page: plans that have the tools which make an install command need
// not have the one that reads results. Imported by app.ts for the console.
import { eventOf } from '../approvals/approvals.ts'
import type { Audit } from '../audit/audit.ts'
import type { Action } from '../domain/action.ts'
import type { Principal } from '../domain/principal.ts'
import { ownResult } from '../tools/action-view.ts'
import type { ToolContext } from '../tools/context.ts'

export function createReveal({ audit, unseal }: { audit: Pick<Audit, 'append'>; unseal: ToolContext['unseal'] }) {
  /** Undefined when there is nothing for this person. */
  return async function reveal(by: Principal, action: Action): Promise<Record<string, unknown> | undefined> {
    const result = ownResult(action, { principal: by, unseal })
    if (result) await audit.append(eventOf(action, by, action.id, { event: 'action.revealed' }))
    return result
  }
}

export type Reveal = ReturnType<typeof createReveal>
