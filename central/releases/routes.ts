// What a host asks before it is anybody: the installer, the files of the release, and which version there is. No
// credential: a host whose agent is broken can still heal.
import { closeSync, createReadStream } from 'node:fs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CatalogueError } from '#proto/contract/errors.ts'
import { MANIFEST_FILE, SIGNATURE_FILE } from '#proto/contract/release.ts'
import { fillInstaller } from './installer.ts'
import type { Release, Releases } from './releases.ts'

/** An archive's name says what is in it, so that it may be kept for good; the others change with the next release. */
const LASTING = 'public, max-age=31536000, immutable'
const CHANGING = 'no-cache'

type File = { Params: { file: string } }

export function registerReleaseRoutes(
  app: FastifyInstance,
  rooms: { releases: Releases; publicUrl: string; caFingerprint: string },
): void {
  const { releases, publicUrl, caFingerprint } = rooms

  /** @throws CatalogueError NOT_FOUND */
  function current(): Release {
    const release = releases.current()
    if ('manifest' in release) return release
    throw new CatalogueError('NOT_FOUND', { resource: 'release', why: release.why })
  }

  app.get('/install.sh', async (_request, reply) => {
    const { installer, publicKeyPem } = current()
    const script = fillInstaller(installer, { publicUrl, caFingerprint, releaseKeyPem: publicKeyPem })
    return reply.header('cache-control', CHANGING).type('text/x-shellscript; charset=utf-8').send(script)
  })

  app.get('/v1/version', async (_request, reply) => {
    const { version, minimum_version, capability_version, expires } = current().manifest
    return reply.header('cache-control', CHANGING).send({ version, minimum_version, capability_version, expires })
  })

  async function file(request: FastifyRequest<File>, reply: FastifyReply) {
    const release = current()
    const { file } = request.params
    const small = new Map([
      [MANIFEST_FILE, release.manifestBytes],
      [SIGNATURE_FILE, release.signature],
    ]).get(file)
    if (small) return reply.header('cache-control', CHANGING).type('application/octet-stream').send(small)
    const artifact = release.manifest.artifacts.find((one) => one.kind !== 'installer' && one.file === file)
    if (!artifact) throw new CatalogueError('NOT_FOUND', { resource: 'release_file' })
    const etag = `"${artifact.sha256}"`
    reply.header('etag', etag).header('cache-control', LASTING)
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    const fd = releases.open(artifact)
    if (fd === undefined) throw withoutCaching(reply, new CatalogueError('NOT_FOUND', { resource: 'release_file' }))
    reply.header('content-length', artifact.size).type('application/gzip')
    if (request.method === 'GET') return reply.send(createReadStream('', { fd }))
    closeSync(fd)
    return reply.send(null)
  }
  // The HEAD of Fastify's own making would read an archive to its end.
  app.route<File>({ method: ['GET', 'HEAD'], url: '/releases/:file', exposeHeadRoute: false, handler: file })
}

function withoutCaching(reply: FastifyReply, error: CatalogueError): CatalogueError {
  reply.removeHeader('etag').header('cache-control', 'no-store')
  return error
}
