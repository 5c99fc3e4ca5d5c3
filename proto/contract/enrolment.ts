// Enrolment: how a host becomes a server. `POST /v1/enrol` with the install token and a certificate signing request.
import { z } from 'zod'

/**
 * `mtti_<43 base64url>.<64 hex>`: a 256-bit secret, and the SHA-256 fingerprint of Central's CA certificate (DER), so
 * that the agent knows whose answer it takes. Single use, valid for LIMITS.installTokenLife.
 */
const INSTALL_TOKEN = /^mtti_([A-Za-z0-9_-]{43})\.([0-9a-f]{64})$/

export type InstallToken = { secret: string; caFingerprint: string }

export function parseInstallToken(text: string): InstallToken | undefined {
  const match = INSTALL_TOKEN.exec(text.trim())
  return match?.[1] && match[2] ? { secret: match[1], caFingerprint: match[2] } : undefined
}

export const formatInstallToken = ({ secret, caFingerprint }: InstallToken): string => `mtti_${secret}.${caFingerprint}`

export const ENROLMENT_PATH = '/v1/enrol'

export const EnrolmentRequest = z.strictObject({
  token: z.string().max(200),
  csr_pem: z.string().max(4096),
  hostname: z.string().min(1).max(253),
})
export type EnrolmentRequest = z.infer<typeof EnrolmentRequest>

export const EnrolmentAnswer = z.object({
  server_id: z.string(),
  certificate_pem: z.string(),
  ca_pem: z.string(),
  /** host:port of the link. */
  link_address: z.string(),
  /** Ed25519 public key (SPKI PEM) that signs grants; pinned by the agent. */
  action_key_pem: z.string(),
})
export type EnrolmentAnswer = z.infer<typeof EnrolmentAnswer>
