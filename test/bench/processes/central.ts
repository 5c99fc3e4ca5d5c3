// Central as it ships, for line 1: SQLite on disk with FULL durability, real token checks, the allowances lifted. The owner and the
// grant are put into its records directly; the access token is signed with its own key.
import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { bootCentral } from '../../helpers/boot-central.ts'
import { answer } from './process.ts'

const NO_LIMIT = { burst: 1e9, perSecond: 1e9 }
const HOUR = 3_600_000

const cleanup: (() => unknown)[] = []
const booted = await bootCentral(
  { after: (work) => void cleanup.push(work as () => unknown) },
  { outside: { rates: { calls: NO_LIMIT, requests: NO_LIMIT, refusals: NO_LIMIT } } },
)
const { central, url, workspaceId } = booted
const owner = await booted.member('owner')

async function accessToken(): Promise<string> {
  const now = Date.now()
  const id = randomUUID()
  const client_id = 'bench'
  const grant = { id, user_id: owner.userId, workspace_id: workspaceId, client_id, client_name: 'Benchmark' }
  await central.stores.oauth.grants.add({
    ...grant,
    scopes: ['read', 'execute'],
    created_at: now,
    last_used_at: null,
    revoked_at: null,
  })
  return new SignJWT({ client_id, gid: id, scope: 'read execute' })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
    .setIssuer(url)
    .setAudience(`${url}/mcp`)
    .setSubject(owner.userId)
    .setIssuedAt()
    .setExpirationTime(Math.floor((now + HOUR) / 1000))
    .setJti(randomUUID())
    .sign(central.signingKey)
}

answer({
  url: () => url,
  accessToken,
  installToken: async () => (await central.fleet.createInstallToken({ workspaceId, createdBy: owner.userId })).token,
  isOnline: async (serverId: string) => (await central.fleet.get(workspaceId, serverId))?.online ?? false,
  stop: async () => {
    for (const work of cleanup) await work()
  },
  auditLines: async () => (await central.audit.list(workspaceId, { limit: 1 }))[0]?.seq ?? 0,
})
