// How a host becomes a server, and how a known server gets new credentials.
import { randomBytes } from 'node:crypto'
import {
  type EnrolmentAnswer,
  type EnrolmentRequest,
  formatInstallToken,
  parseInstallToken,
} from '#proto/contract/enrolment.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { sha256 } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Clock } from '../domain/clock.ts'
import { createId } from '../domain/ids.ts'
import type { Plan } from '../domain/plan.ts'
import { plainText } from '../domain/text.ts'
import type { FleetStore } from '../storage/fleet.ts'
import type { InstallTokenRecord } from '../storage/install-tokens.ts'
import type { Authority } from './authorities.ts'
import type { Ca, IssuedCertificate } from './ca.ts'

/** What a workspace may have; null is unlimited. */
export type ServerAllowance = { plan: Plan; limits: { servers: number | null } }

/**
 * `command` enrols the host it is run on; the token goes in on standard input, never as an argument. `from` says what it
 * needs there: nothing (the installer of a served release), or a checkout. The installer runs as root, or with `sudoCommand`.
 */
export type InstallToken = {
  token: string
  expiresAt: number
  command: string
  sudoCommand?: string
  from: 'release' | 'checkout'
}

export type EnrolmentRooms = {
  store: FleetStore
  ca: Ca
  authorities: readonly Authority[]
  plans: { get(workspaceId: string): Promise<ServerAllowance> }
  clock: Clock
  publicUrl: string
  linkAddress: () => string
  actionKeyPem: string
  /** Whether there is a release for hosts to install. */
  releaseIsServed: () => boolean
}

/** One refusal for every token that does not work, so that nothing can be learned by trying. */
const refused = () => new CatalogueError('AUTH_FAILED')
const OF_OLD_AUTHORITY = 'The token was made before Central changed its certificate authority. Make a new one.'

export function createEnrolment(rooms: EnrolmentRooms) {
  const { store, ca, plans, clock, publicUrl } = rooms
  /** The host that holds such a token would not believe who answers on the link. The fingerprint is no secret. */
  const replaced = (fingerprint: string) =>
    rooms.authorities.some((authority) => authority.state === 'old' && authority.fingerprint === fingerprint)

  async function createToken(
    inStore: FleetStore,
    owner: { workspaceId: string; createdBy: string; serverId?: string; keepWhoItIs?: boolean },
  ): Promise<InstallToken> {
    ca.requireIssuing()
    const secret = randomBytes(32).toString('base64url')
    const createdAt = clock.now()
    const expiresAt = createdAt + LIMITS.installTokenLife
    const { workspaceId, createdBy, serverId = null, keepWhoItIs = false } = owner
    await inStore.installTokens.insert({ hash: sha256(secret), workspaceId, serverId, createdBy, createdAt, expiresAt })
    const token = formatInstallToken({ secret, caFingerprint: ca.fingerprint })
    const from = rooms.releaseIsServed() ? 'release' : 'checkout'
    if (from === 'checkout') {
      const command = fromCheckout(token, publicUrl, serverId === null ? '' : ' --replace')
      return { token, expiresAt, from, command }
    }
    const installer = (shell: string) =>
      fromRelease(token, publicUrl, shell, serverId === null || keepWhoItIs ? '' : ' --replace')
    return { token, expiresAt, from, command: installer('bash'), sudoCommand: installer('sudo bash') }
  }

  /** @throws CatalogueError PLAN_REQUIRED */
  function requireRoom({ plan, limits }: ServerAllowance, used: number): void {
    if (limits.servers === null || used < limits.servers) return
    throw new CatalogueError('PLAN_REQUIRED', { resource: 'servers', limit: limits.servers, used, current_plan: plan })
  }

  async function findToken(text: string): Promise<InstallTokenRecord> {
    const parsed = parseInstallToken(text)
    if (parsed && replaced(parsed.caFingerprint)) throw new CatalogueError('AUTH_FAILED', { why: OF_OLD_AUTHORITY })
    if (parsed?.caFingerprint !== ca.fingerprint) throw refused()
    const token = await store.installTokens.peek(sha256(parsed.secret), clock.now())
    if (!token) throw refused()
    return token
  }

  async function issue(
    token: InstallTokenRecord,
    csrPem: string,
  ): Promise<{ serverId: string; issued: IssuedCertificate }> {
    const serverId = token.serverId ?? createId('server')
    const issued = await ca.issueAgent(csrPem, { workspaceId: token.workspaceId, serverId })
    if ('refused' in issued) throw new CatalogueError('VALIDATION_ERROR', { field: 'csr_pem', why: issued.refused })
    return { serverId, issued }
  }

  /** Of two who race with one token, one gets here. A new server needs room in the plan; a known one is taken over whole. */
  async function admit(tx: FleetStore, token: InstallTokenRecord, serverId: string, name: string): Promise<void> {
    if (!(await tx.installTokens.take(token.hash, clock.now()))) throw refused()
    if (token.serverId !== null) {
      await tx.servers.lock(serverId)
      if (!(await tx.servers.get(token.workspaceId, serverId))) throw refused()
      await tx.certificates.revokeAll(serverId)
      await tx.installTokens.withdraw(serverId, clock.now())
      return
    }
    await tx.servers.lockWorkspace(token.workspaceId)
    await tx.servers.insert({ id: serverId, workspaceId: token.workspaceId, name, createdAt: clock.now() })
  }

  return {
    createToken,
    async requireRoomFor(workspaceId: string): Promise<void> {
      requireRoom(await plans.get(workspaceId), await store.servers.count(workspaceId))
    },

    /**
     * Token, server and certificate change together or not at all.
     * @throws CatalogueError AUTH_FAILED, VALIDATION_ERROR (the token stays good), PLAN_REQUIRED (the token stays good)
     */
    async enrol(request: EnrolmentRequest): Promise<{ answer: EnrolmentAnswer; workspaceId: string; known: boolean }> {
      const token = await findToken(request.token)
      const { serverId, issued } = await issue(token, request.csr_pem)
      const allowance = await plans.get(token.workspaceId)
      await store.transaction(async (tx) => {
        await admit(tx, token, serverId, plainText(request.hostname).replaceAll(/\s+/g, ' '))
        if (token.serverId === null) requireRoom(allowance, (await tx.servers.count(token.workspaceId)) - 1)
        const { certificatePem: _, ...certificate } = issued
        await tx.certificates.insert({ ...certificate, serverId, state: 'active' })
        await tx.servers.saveAuthorities(serverId, [ca.fingerprint])
      })
      const answer = {
        server_id: serverId,
        certificate_pem: issued.certificatePem,
        ca_pem: ca.certificatePem,
        link_address: rooms.linkAddress(),
        action_key_pem: rooms.actionKeyPem,
      }
      return { answer, workspaceId: token.workspaceId, known: token.serverId !== null }
    },
  }
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/**
 * A host that is to become a server that is known already may be enrolled still, with what was taken back: `replace`.
 * Without it the installer keeps who the host is, where that works. A shell reads a script from a pipe byte by byte, so
 * what follows the installer's last line is there for it to read. A download that fails sends no token.
 */
const fromRelease = (token: string, publicUrl: string, shell: string, replace: string): string =>
  `{ curl -fsSL ${quoted(`${publicUrl}/install.sh`)} && printf '%s\\n' ${quoted(token)}; } | ${shell} -s -- --token-stdin${replace}`

const fromCheckout = (token: string, publicUrl: string, replace: string): string =>
  `printf '%s' ${quoted(token)} | npm run agent -- enrol --central ${quoted(publicUrl)} --token-stdin${replace} && npm run agent`
