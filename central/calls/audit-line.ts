// The two audit lines of a call: one that opens it, and one that says how it ended. Subjects are redacted; of output there
// is length and SHA-256.
import { redactText } from '#proto/redaction/redactor.ts'
import { actorOf } from '../approvals/approvals.ts'
import type { Audit } from '../audit/audit.ts'
import type { AuditEvent } from '../domain/audit.ts'
import type { Verdict } from '../domain/decide.ts'
import type { CallResult, IncomingCall, Understood } from './run-call.ts'

type End = Pick<AuditEvent, 'outcome' | 'output' | 'action_id'>

/** `durable` resolves when the opening line is; `close` writes the second one and waits for both. */
export type Line = { durable: Promise<void>; close: (end: End) => Promise<void> }

export function openLine({ call, tool, subject }: Understood, verdict: Verdict, audit: Audit): Line {
  const head = {
    ...headOf(call),
    tool: tool.id,
    ...(subject.server_id && { server_id: subject.server_id }),
    resource: redactText(subject.resource, {}).text,
  }
  const said = verdict.kind === 'deny' ? `deny:${verdict.code}` : verdict.kind
  const durable = audit.append({ ...head, event: 'call.opened', verdict: said })
  // Awaited by whoever performs; this keeps an early refusal from leaving the rejection unobserved.
  durable.catch(() => {})
  return {
    durable,
    close: async (end) => {
      await durable
      await audit.append({ ...head, event: 'call.closed', ...end })
    },
  }
}

export const headOf = (call: IncomingCall): Pick<AuditEvent, 'workspace_id' | 'call_id' | 'actor'> => ({
  workspace_id: call.principal.workspaceId,
  call_id: call.requestId,
  actor: actorOf(call.principal),
})

/** How a call ended, in the audit log's words. */
export function endOf(result: CallResult): End {
  if (result.kind === 'error') return { outcome: `error:${result.code}` }
  if (result.kind === 'needs_person') return { outcome: 'needs_person' }
  const { kind, status, action_id, output_bytes, output_sha256 } = result.value
  return {
    // An action or a run has a state; other answers are simply there.
    outcome: typeof kind === 'string' && typeof status === 'string' ? status : 'ok',
    ...(typeof action_id === 'string' && { action_id }),
    ...(typeof output_sha256 === 'string' && { output: { bytes: Number(output_bytes), sha256: output_sha256 } }),
  }
}
