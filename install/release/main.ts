// `npm run release`: builds a release from this checkout. Says on standard error what it does, and prints the manifest's
// sizes on standard output. README.md beside this file says what comes out.
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compareVersions } from '#proto/contract/release.ts'
import { buildRelease } from './build.ts'
import { releaseKey } from './keys.ts'
import { fetchNatives } from './packages.ts'

const DAY = 24 * 3_600_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: '.data/releases' },
    version: { type: 'string' },
    'minimum-version': { type: 'string' },
    key: { type: 'string' },
    created: { type: 'string' },
    days: { type: 'string', default: '365' },
  },
})

const step = (text: string): void => console.error(`· ${text}`)

async function release(): Promise<void> {
  const version = values.version ?? JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version
  const minimumVersion = values['minimum-version'] ?? '0.0.0'
  if (compareVersions(version, minimumVersion) < 0) throw new Error('the version is below the minimum version')
  const created = values.created === undefined ? Date.now() : Date.parse(values.created)
  const days = Number(values.days)
  if (Number.isNaN(created) || !(days > 0))
    throw new Error('--created takes a time (ISO 8601), --days a number above 0')
  const out = resolve(values.out)
  const cache = join(ROOT, 'node_modules/.cache/release')
  mkdirSync(cache, { recursive: true })
  const { key, development } = releaseKey(values.key, out)
  if (development) step(`signed with a development key, ${development}: not for hosts that matter`)
  const manifest = await buildRelease({
    root: ROOT,
    out,
    version,
    minimumVersion,
    created,
    expires: created + days * DAY,
    key,
    natives(arch) {
      step(`packing for ${arch}`)
      return fetchNatives(arch, cache)
    },
  })
  for (const { file, size, unpacked } of manifest.artifacts) console.log(`${file} ${size} (${unpacked} unpacked)`)
  step(`${version} in ${out}`)
}

release().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
