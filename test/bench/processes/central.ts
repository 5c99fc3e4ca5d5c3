// Central as it ships, for line 1: SQLite on disk with FULL durability, real token checks, the allowances lifted. The owner and the
// grant are put into its records directly; the access token is signed with its own key.
import { randomUUID } from 'node:crypto'
import { StatementSync } from 'node:sqlite'
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

/** Agents that share one key, each with a certificate of its own. */
async function enrolMany({ csrPem, count }: { csrPem: string; count: number }): Promise<string[]> {
  const certificates: string[] = []
  for (let at = 0; at < count; at++) {
    const { token } = await central.fleet.createInstallToken({ workspaceId, createdBy: owner.userId })
    const enrolled = await central.fleet.enrol({ token, csr_pem: csrPem, hostname: `web-${at}` })
    certificates.push(enrolled.certificate_pem)
  }
  return certificates
}

/** Statements that return no rows: everything that writes, and what begins and ends a transaction. */
let writes = 0
const { run } = StatementSync.prototype
StatementSync.prototype.run = function (this: StatementSync, ...values: Parameters<typeof run>) {
  writes++
  return run.apply(this, values)
} as typeof run

answer({
  link: () => ({ port: central.grpcPort, caPem: central.keys.ca.certificatePem, ...central.keys.link }),
  enrolMany,
  writes: () => writes,
  url: () => url,
  accessToken,
  installToken: async () => (await central.fleet.createInstallToken({ workspaceId, createdBy: owner.userId })).token,
  isOnline: async (serverId: string) => (await central.fleet.get(workspaceId, serverId))?.online ?? false,
  stop: async () => {
    for (const work of cleanup) await work()
  },
  auditLines: async () => (await central.audit.list(workspaceId, { limit: 1 }))[0]?.seq ?? 0,
})
