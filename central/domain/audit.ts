// What an audit line says. Never output, never a secret: length and SHA-256 of the output, and subjects after redaction.
import { z } from 'zod'

const Actor = z.object({
  credential: z.string(),
  user_id: z.string(),
  email: z.string(),
  client_id: z.string(),
  client_name: z.string(),
  grant_id: z.string(),
  source: z.string(),
})

export const AUDIT_EVENTS = [
  'call.opened',
  'call.closed',
  'call.invalid',
  'action.requested',
  'action.decided',
  'action.started',
  'action.finished',
  'action.expired',
  'action.revealed',
  'server.token_created',
  'server.enrolled',
  'server.clone_suspected',
  'account.signed_in',
  'account.changed',
  'policy.changed',
  'alert.raised',
  'alert.resolved',
] as const
export type AuditEventName = (typeof AUDIT_EVENTS)[number]

/** What a room hands over; the audit room adds version, sequence and time. */
export const AuditEvent = z.object({
  event: z.enum(AUDIT_EVENTS),
  workspace_id: z.string(),
  call_id: z.string(),
  actor: Actor,
  server_id: z.string().optional(),
  tool: z.string().optional(),
  resource: z.string().optional(),
  action_id: z.string().optional(),
  /** allow, ask, deny:<CODE>, or a decision. */
  verdict: z.string().optional(),
  /** ok, a state of an action, or error:<CODE>. */
  outcome: z.string().optional(),
  output: z.object({ bytes: z.number(), sha256: z.string() }).optional(),
  details: z.record(z.string(), z.unknown()).optional(),
})
export type AuditEvent = z.infer<typeof AuditEvent>

export const AuditBody = AuditEvent.extend({ version: z.literal(1), seq: z.number().int(), at: z.number().int() })
export type AuditBody = z.infer<typeof AuditBody>
