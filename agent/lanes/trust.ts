// Whom the act lane believes: Central's action key and this server's own id, pinned at enrolment in the lane's directory.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { readIfThere, replaceFile } from '../files/durable-file.ts'

export type Trust = { serverId: string; actionKeyPem: string }

const trustFile = (actDirectory: string): string => join(actDirectory, 'trust.json')

export const pinTrust = (actDirectory: string, trust: Trust): void =>
  replaceFile(trustFile(actDirectory), JSON.stringify(trust))

export function readTrust(actDirectory: string): { serverId: string; key: KeyObject } {
  const bytes = readIfThere(trustFile(actDirectory))
  if (!bytes) throw new Error('no action key is pinned here')
  const { serverId, actionKeyPem }: Trust = JSON.parse(bytes.toString('utf8'))
  const key = createPublicKey(actionKeyPem)
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('the pinned action key is not Ed25519')
  return { serverId, key }
}
