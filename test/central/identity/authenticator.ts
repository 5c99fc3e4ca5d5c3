// An authenticator in software: one ES256 credential, answers as a browser would hand them over (WebAuthn level 3,
// sections 6.1 and 6.5; CBOR and COSE written by hand).
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest()
const base64url = (data: Buffer | string): string => Buffer.from(data).toString('base64url')

const USER_PRESENT = 0x01
const USER_VERIFIED = 0x04
const ATTESTED = 0x40

const cborBytes = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0x58, bytes.length]), bytes])
/** A byte string whose length takes two bytes. */
const cborLongBytes = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0x59, bytes.length >> 8, bytes.length & 255]), bytes])
const cborText = (text: string): Buffer => Buffer.concat([Buffer.from([0x60 + text.length]), Buffer.from(text)])

type Changes = { origin?: string; rpId?: string; verified?: boolean; counter?: number; type?: string }

export function createAuthenticator(origin: string) {
  const credentialId = randomBytes(32)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  let counter = 0

  // {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
  const coseKey = Buffer.concat([
    Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]),
    cborBytes(Buffer.from(x, 'base64url')),
    Buffer.from([0x22]),
    cborBytes(Buffer.from(y, 'base64url')),
  ])

  function authenticatorData(changes: Changes, attested?: Buffer): Buffer {
    const rpId = changes.rpId ?? new URL(origin).hostname
    const flags = USER_PRESENT | ((changes.verified ?? true) ? USER_VERIFIED : 0) | (attested ? ATTESTED : 0)
    counter = changes.counter ?? counter + 1
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    return Buffer.concat([sha256(rpId), Buffer.from([flags]), count, attested ?? Buffer.alloc(0)])
  }

  const clientData = (type: string, challenge: string, changes: Changes): string =>
    JSON.stringify({ type: changes.type ?? type, challenge, origin: changes.origin ?? origin, crossOrigin: false })

  const common = { id: base64url(credentialId), rawId: base64url(credentialId), type: 'public-key' as const }

  return {
    credentialId: common.id,

    register({ challenge }: { challenge: string }, changes: Changes = {}) {
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, credentialId.length]), credentialId, coseKey])
      const attestationObject = Buffer.concat([
        Buffer.from([0xa3]),
        cborText('fmt'),
        cborText('none'),
        cborText('attStmt'),
        Buffer.from([0xa0]),
        cborText('authData'),
        cborLongBytes(authenticatorData(changes, attested)),
      ])
      return {
        ...common,
        clientExtensionResults: {},
        response: {
          clientDataJSON: base64url(clientData('webauthn.create', challenge, changes)),
          attestationObject: base64url(attestationObject),
        },
      }
    },

    answer({ challenge }: { challenge: string }, changes: Changes = {}) {
      const data = clientData('webauthn.get', challenge, changes)
      const authData = authenticatorData(changes)
      const signature = sign('sha256', Buffer.concat([authData, sha256(data)]), privateKey)
      return {
        ...common,
        clientExtensionResults: {},
        response: {
          clientDataJSON: base64url(data),
          authenticatorData: base64url(authData),
          signature: base64url(signature),
        },
      }
    },
  }
}
