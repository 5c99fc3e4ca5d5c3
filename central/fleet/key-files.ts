// Reading what stands in the directory of Central's keys. Imported by keys.ts and authorities.ts.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyPairPem } from './ca.ts'

/** The keys directory is damaged, or others can read it. */
export class KeysFault extends Error {
  override readonly name = 'KeysFault'
}

/** @throws KeysFault */
export function readPrivate(dir: string, name: string): string {
  const path = join(dir, name)
  if (statSync(path).mode & 0o077) throw new KeysFault(`${path} can be read by others. Run: chmod 600 ${path}`)
  const text = readFileSync(path, 'utf8')
  if (text.trim() === '') throw new KeysFault(`${path} is empty. Restore it from a backup.`)
  return text
}

/** @throws KeysFault */
export function splitPem(text: string): KeyPairPem {
  const at = text.indexOf('-----BEGIN CERTIFICATE-----')
  if (at < 1) throw new KeysFault('a key file lacks its key or its certificate. Restore it from a backup.')
  return { keyPem: text.slice(0, at), certificatePem: text.slice(at) }
}
