// A whole authorization server on a port of its own: real Fastify, real provider, real pages, a database in memory.
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import fastify from 'fastify'
import { registerAssets } from '../../../central/console/assets.ts'
import { createDoor } from '../../../central/console/door.ts'
import { registerAccount } from '../../../central/console/pages/account.ts'
import { oauthErrorPage, registerConsent } from '../../../central/console/pages/consent.ts'
import { registerSetUp } from '../../../central/console/pages/set-up.ts'
import { registerSignIn } from '../../../central/console/pages/sign-in.ts'
import { createHttp } from '../../../central/http/server.ts'
import type { ClientDocumentSettings } from '../../../central/oauth/client-documents.ts'
import { createOAuth, createSigningKey } from '../../../central/oauth/oauth.ts'
import { createOAuthStore } from '../../../central/storage/oauth.ts'
import { createOwner, createPeople } from '../identity/people.ts'

export type World = Awaited<ReturnType<typeof createWorld>>

/** Where a test wants a Central that nobody has set up. */
const NOBODY: Awaited<ReturnType<typeof createOwner>> = { id: '', email: '', workspaceId: '', role: 'owner' }

const freePort = async (): Promise<number> => {
  const app = fastify()
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  await app.close()
  return port
}

export async function createWorld(
  options: { clientDocuments?: ClientDocumentSettings; totp?: boolean; owner?: boolean; t?: TestContext } = {},
) {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const people = await createPeople({ publicUrl })
  const { identity, bus, clock, db, log } = people
  const signingKey = createSigningKey()
  const oauth = createOAuth({
    store: createOAuthStore(db),
    identity,
    bus,
    clock,
    log,
    publicUrl,
    signingKey,
    clientDocuments: options.clientDocuments ?? { enabled: false },
    allowedOrigins: ['https://inspector.example'],
    renderError: oauthErrorPage,
  })
  const app = await createHttp({ log, https: false, trustProxy: false })
  const door = createDoor(app, { identity, publicUrl, approvals: { list: async () => [] } })
  registerSignIn(app, door, { identity, publicUrl })
  registerAssets(app)
  registerSetUp(app, { identity, publicUrl })
  registerAccount(door, { identity, oauth, clock, audit: { append: async () => {} } })
  registerConsent(app, { identity, oauth, publicUrl })
  oauth.register(app)
  await app.listen({ port, host: '127.0.0.1' })
  const owner = options.owner === false ? NOBODY : await createOwner(people, { totp: options.totp ?? false })
  const close = async () => {
    oauth.stop()
    await app.close()
    await people.close()
  }
  options.t?.after(close)
  return {
    ...people,
    oauth,
    owner,
    publicUrl,
    signingKey,
    resource: `${publicUrl}/mcp`,
    close,
  }
}
