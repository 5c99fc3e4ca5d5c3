// The release key: held by whoever builds releases, never in Central's data.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const DEVELOPMENT_KEY = 'release-dev.key'

/** @param file PEM; without one, a development key beside the output directory, made on first use. */
export function releaseKey(file: string | undefined, out: string): { key: KeyObject; development?: string } {
  if (file !== undefined) return { key: createPrivateKey(readFileSync(file)) }
  const development = join(dirname(resolve(out)), DEVELOPMENT_KEY)
  if (!existsSync(development)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    mkdirSync(dirname(development), { recursive: true })
    writeFileSync(development, privateKey.export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600 })
  }
  return { key: createPrivateKey(readFileSync(development)), development }
}
