// The console's static files: one style sheet and small scripts, read once at start and served from memory under a
// URL that carries the content's hash, so that a browser may keep them for good. Imported by console alone.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'

type Asset = { body: Buffer; type: string; hash: string }

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
}

const OWN = new URL('./assets/', import.meta.url)
const WEBAUTHN = new URL('../dist/bundle/index.umd.min.js', import.meta.resolve('@simplewebauthn/browser'))

const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ...readdirSync(OWN).map((name) => [name, readAsset(new URL(name, OWN))] as const),
  ['simplewebauthn.js', readAsset(WEBAUTHN)] as const,
])

function readAsset(file: URL): Asset {
  const body = readFileSync(file)
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 16)
  return { body, hash, type: TYPES[extname(file.pathname)] ?? 'application/octet-stream' }
}

/** The address of a file in `assets/`. Throws for a name that is not there: a page with a missing script is a fault. */
export function assetUrl(name: string): string {
  const asset = ASSETS.get(name)
  if (!asset) throw new Error(`No console asset "${name}"`)
  return `/assets/${name}?v=${asset.hash}`
}

export function registerAssets(app: FastifyInstance): void {
  app.get<{ Params: { name: string }; Querystring: { v?: string } }>('/assets/:name', (request, reply) => {
    const asset = ASSETS.get(request.params.name)
    if (!asset) return reply.code(404).type('text/plain; charset=utf-8').send('Not found\n')
    const lasting = request.query.v === asset.hash
    return reply
      .header('cache-control', lasting ? 'public, max-age=31536000, immutable' : 'no-cache')
      .header('x-content-type-options', 'nosniff')
      .type(asset.type)
      .send(asset.body)
  })
}
