// A signed release on a loopback server that does to it what a network, a thief or a full disk would; and a host, as a
// directory, that may take it. For the tests of fetching and updating.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '#proto/contract/grant.ts'
import {
  formatManifest,
  MANIFEST_FILE,
  type ReleaseManifest,
  SIGNATURE_FILE,
  signManifest,
} from '#proto/contract/release.ts'
import { layoutUnder } from '../../../agent/installation/layout.ts'
import { type Packed, packTarGz } from '../../../install/release/tar.ts'
import { newReleaseKey } from '../../helpers/release.ts'

type After = { after(hook: () => unknown): void }
export type Answer = (file: string, content: Buffer | undefined, response: ServerResponse) => void

export const NOW = Date.parse('2026-12-01T12:00:00Z')
const DAY = 24 * 3_600_000

/** A few small files instead of a program: what is in an archive is of no concern to who fetches it. */
const AGENT: Packed[] = [
  { path: 'agent.mjs', mode: 0o644, content: Buffer.from('agent') },
  { path: 'converge.sh', mode: 0o755, content: Buffer.from('#!/bin/bash\n') },
  { path: 'units/a.service', mode: 0o644, content: Buffer.alloc(70_000, 'u') },
]
const NODE: Packed[] = [
  { path: 'node', mode: 0o755, content: Buffer.alloc(2_000_000, 'n') },
  { path: 'LICENSE', mode: 0o644, content: Buffer.from('as it is') },
]

export type Made = { manifest: ReleaseManifest; bytes: Buffer; files: Map<string, Buffer> }

export function makeSmallRelease(
  key: KeyObject,
  over: Partial<ReleaseManifest> = {},
  packed: { agent?: Buffer; runtime?: Buffer; agentFiles?: Packed[] } = {},
): Made {
  const version = over.version ?? '1.1.0'
  const agentFiles = packed.agentFiles ?? AGENT
  const archives = {
    agent: packed.agent ?? packTarGz(agentFiles),
    runtime: packed.runtime ?? packTarGz(NODE),
  }
  const id = sha256(NODE[0]?.content ?? '').slice(0, 16)
  const sum = (files: readonly Packed[]) => files.reduce((total, { content }) => total + content.length, 0)
  const common = (kind: 'agent' | 'runtime', files: readonly Packed[]) => ({
    arch: 'x64' as const,
    file: `${kind}-${version}.tar.gz`,
    ...{ sha256: sha256(archives[kind]), size: archives[kind].length, unpacked: sum(files) },
  })
  const manifest: ReleaseManifest = {
    format: 1,
    version,
    capability_version: 1,
    minimum_version: '1.0.0',
    created: new Date(NOW - DAY).toISOString(),
    expires: new Date(NOW + 30 * DAY).toISOString(),
    artifacts: [
      { kind: 'agent', ...common('agent', agentFiles) },
      { kind: 'runtime', ...common('runtime', NODE), id, node: '24.0.0' },
    ],
    contents: [
      ...agentFiles.map((file) => ({ kind: 'agent' as const, ...contentOf(file) })),
      ...NODE.map((file) => ({ kind: 'runtime' as const, ...contentOf(file) })),
    ],
    ...over,
  }
  const bytes = formatManifest(manifest)
  const files = new Map([
    [MANIFEST_FILE, bytes],
    [SIGNATURE_FILE, signManifest(bytes, key)],
    [`agent-${version}.tar.gz`, archives.agent],
    [`runtime-${version}.tar.gz`, archives.runtime],
  ])
  return { manifest, bytes, files }
}

const contentOf = ({ path, mode, content }: Packed) => ({
  arch: 'x64' as const,
  path,
  mode: mode === 0o755 ? ('0755' as const) : ('0644' as const),
  sha256: sha256(content),
})

export const giveAll: Answer = (_file, content, response) => {
  if (content) response.end(content)
  else response.writeHead(404).end()
}

/** @param at where the host's root is; a temporary directory by default */
export async function serveRelease(t: After, at = mkdtempSync(join(tmpdir(), 'mttrly-fetch-'))) {
  t.after(() => rmSync(at, { recursive: true, force: true }))
  const key = newReleaseKey()
  let made = makeSmallRelease(key)
  let answer: Answer = giveAll
  const asked: string[] = []
  const server = createServer((request, response) => {
    const file = (request.url ?? '').replace('/releases/', '')
    asked.push(file)
    answer(file, made.files.get(file), response)
  }).listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  t.after(() => {
    server.closeAllConnections()
    return new Promise((closed) => server.close(closed))
  })
  const layout = layoutUnder(at)
  for (const directory of [layout.home, layout.act, layout.versions]) mkdirSync(directory, { recursive: true })
  mkdirSync(join(layout.versions, '1.0.0'))
  writeFileSync(join(layout.versions, '1.0.0/agent.mjs'), 'the version that works')
  symlinkSync('versions/1.0.0', layout.current)
  writeFileSync(layout.releaseKey, createPublicKey(key).export({ type: 'spki', format: 'pem' }))
  writeFileSync(layout.centralUrl, `http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
  return {
    key,
    layout,
    asked,
    made: () => made,
    serve(next: Made): Made {
      made = next
      return next
    },
    answer(next: Answer) {
      answer = next
    },
    options: () => ({
      ...{ layout, version: made.manifest.version, manifestSha256: sha256(made.bytes) },
      ...{ installed: '1.0.0', now: NOW, arch: 'x64', slack: 0 },
    }),
    read: (path: string): string => readFileSync(join(layout.home, path), 'utf8'),
  }
}
