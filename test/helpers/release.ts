// A release for tests: the real bundle and installer, with a runtime that is too small to take any time.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { ReleaseManifest } from '#proto/contract/release.ts'
import { buildRelease, type ReleaseOptions } from '../../install/release/build.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
export const DAY = 24 * 3_600_000

export const newReleaseKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey

export const smallRelease = (out: string, options: Partial<ReleaseOptions> = {}): Promise<ReleaseManifest> =>
  buildRelease({
    root: ROOT,
    out,
    version: '1.2.3',
    minimumVersion: '1.0.0',
    created: Date.parse('2026-11-22T12:00:00Z'),
    expires: Date.parse('2027-11-22T12:00:00Z'),
    key: newReleaseKey(),
    natives: (arch) => ({
      nodeVersion: '24.0.0',
      node: Buffer.from(`node for ${arch}`),
      nodeLicense: Buffer.from('as it is'),
      pty: Buffer.from(`pty for ${arch}`),
    }),
    ...options,
  })
