// An approver for tests: a key, its line in policy.yaml, and what it signs; with an origin, a passkey made of software.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type Approval, challengeOf, type Run, statementFor } from '#proto/contract/approval.ts'
import { canonicalBytes, keyIdOf } from '#proto/contract/canonical.ts'
import type { Grant } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'

export type TestApprover = ReturnType<typeof createApprover>

export function createApprover(name: string, origin?: string) {
  const { privateKey, publicKey } =
    origin === undefined ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const signs = (statement: string): Approval => ({
    statement,
    key_id: keyIdOf(publicKey),
    ...(origin === undefined
      ? { signature: sign(null, Buffer.from(statement), privateKey).toString('base64') }
      : gesture(statement, origin, privateKey)),
  })
  return {
    key,
    entry: JSON.stringify({ name, key, origin }),
    signs,
    /** Signs what this grant would run; `over` are changes of the statement. */
    approves: (grant: Pick<Grant, 'server_id' | 'action_id'> & Run, over: Record<string, unknown> = {}): Approval => {
      const about = { serverId: grant.server_id, actionId: grant.action_id, run: grant }
      const statement = statementFor(about, Date.now() + LIMITS.approvalLife)
      return signs(canonicalBytes({ ...JSON.parse(statement), ...over }).toString('utf8'))
    },
  }
}

/** What an authenticator and a browser make of a challenge; `over` are changes of what the browser says, `flags` what the authenticator does. */
export function gesture(
  statement: string,
  origin: string,
  key: KeyObject,
  { over = {}, flags = 0x05, rpId = new URL(origin).hostname }: { over?: object; flags?: number; rpId?: string } = {},
): Pick<Approval, 'signature' | 'passkey'> {
  const challenge = challengeOf(statement).toString('base64url')
  const client = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge, origin, crossOrigin: false, ...over }))
  const hashOf = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest()
  const authenticator = Buffer.concat([hashOf(rpId), Buffer.from([flags, 0, 0, 0, 1])])
  return {
    signature: sign('sha256', Buffer.concat([authenticator, hashOf(client)]), key).toString('base64'),
    passkey: { authenticator_data: authenticator.toString('base64'), client_data: client.toString('base64') },
  }
}
