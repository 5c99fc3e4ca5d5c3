// What the guest tests stand on: a release built from this checkout, the real Central that serves it, a guest on its
// network, and a client. Central is told the wall clock: the guest has no other.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReleaseManifest } from '#proto/contract/release.ts'
import type { Outside } from '../../central/app.ts'
import { buildRelease } from '../../install/release/build.ts'
import { fetchNatives } from '../../install/release/packages.ts'
import { type Booted, bootCentral } from '../helpers/boot-central.ts'
import { connectMcp } from '../helpers/mcp.ts'
import { DAY, ROOT } from '../helpers/release.ts'

export { createCleanup } from '../helpers/cleanup.ts'

type After = { after(hook?: unknown): void }

/** Of this user, for all test runs: signs nothing but what tests install in guests. */
export function releaseKey() {
  const directory = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mttrly-guest')
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'release.key')
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  }
  return createPrivateKey(readFileSync(path))
}

/** The real thing, for this machine and the other architecture. */
export function makeRelease(out: string, version = '1.0.0', more: { expires?: number } = {}): Promise<ReleaseManifest> {
  const cache = join(ROOT, 'node_modules/.cache/release')
  mkdirSync(cache, { recursive: true })
  const now = Date.now()
  return buildRelease({
    ...{ root: ROOT, out, version, cache, minimumVersion: '0.0.0' },
    ...{ created: now - DAY, expires: now + 30 * DAY, key: releaseKey(), ...more },
    natives: (arch) => fetchNatives(arch, cache),
  })
}

export async function startServedCentral(t: After, outside?: Outside) {
  const releases = mkdtempSync(join(tmpdir(), 'mttrly-releases-'))
  t.after(() => rmSync(releases, { recursive: true, force: true }))
  const manifest = await makeRelease(releases)
  const booted: Booted = await bootCentral(t, { config: { releases }, outside })
  const owner = await booted.member('owner')
  const mcp = await connectMcp(booted.url, await booted.apiKey(owner.userId))
  t.after(() => mcp.close())
  const { workspaceId } = booted
  /** Another one after a restart. */
  const fleet = () => booted.central.fleet

  return {
    booted,
    manifest,
    releases,
    owner,
    mcp,
    newToken: (serverId?: string) =>
      fleet().createInstallToken({ workspaceId, createdBy: 'test', ...(serverId ? { serverId } : {}) }),
    servers: () => fleet().list(workspaceId),
    /** A person who may decide does so on the page. */
    async approve(actionId: string): Promise<void> {
      const person = await booted.member(`approver-${actionId}`, 'approver')
      await person.signIn()
      const { status } = await person.decide(actionId, 'approve')
      if (status !== 303) throw new Error(`the approval page answered ${status}`)
    },
    /** Resolves when exactly these many servers are online. @throws Error when that does not come to pass */
    async untilOnline(count: number, withinMs = 60_000): Promise<void> {
      const end = Date.now() + withinMs
      while ((await fleet().list(workspaceId)).filter(({ online }) => online).length !== count) {
        if (Date.now() > end) throw new Error(`not ${count} servers online within ${withinMs} ms`)
        await sleep(100)
      }
    },
  }
}
