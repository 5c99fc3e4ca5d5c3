// What a certificate lets its holder do, asked at every stream; and its renewal: candidate, connected, committed.
import type { Clock } from '../domain/clock.ts'
import type { CertificateRecord } from '../domain/server.ts'
import type { FleetStore } from '../storage/fleet.ts'
import { type Authority, bundleOf } from './authorities.ts'
import type { AgentIdentity, Ca } from './ca.ts'

/** A certificate as TLS has verified it. `serial` and `fingerprint` are lower-case hex. */
export type Presented = { identity: AgentIdentity; serial: string; fingerprint: string }

export type Admission =
  | { ok: true; workspaceId: string; certificate: CertificateRecord }
  | { ok: false; why: 'unknown' | 'expired' | 'retired' | 'revoked' | 'decommissioned' }

export type Renewal = { ok: true; certificatePem: string } | { ok: false; why: string }

export type CredentialsRooms = { store: FleetStore; ca: Ca; authorities: readonly Authority[]; clock: Clock }

export function createCredentials({ store, ca, authorities, clock }: CredentialsRooms) {
  const bundle = bundleOf(authorities)
  const inOrder = authorities.map(({ fingerprint }) => fingerprint).join()

  return {
    async admit({ identity, serial, fingerprint }: Presented): Promise<Admission> {
      const holder = await store.certificates.holder(serial)
      const same =
        holder?.fingerprint === fingerprint &&
        holder.serverId === identity.serverId &&
        holder.workspaceId === identity.workspaceId
      if (!holder || !same) return { ok: false, why: 'unknown' }
      if (holder.decommissionedAt !== null) return { ok: false, why: 'decommissioned' }
      if (holder.state === 'revoked' || holder.state === 'retired') return { ok: false, why: holder.state }
      // A resumed TLS session was verified in the past.
      if (holder.notAfter <= clock.now()) return { ok: false, why: 'expired' }
      const { workspaceId, decommissionedAt: _, ...certificate } = holder
      return { ok: true, workspaceId, certificate }
    },

    /** The agent has really connected with its candidate. From now on the one before is refused. */
    commit: (serverId: string, serial: string): Promise<boolean> => store.certificates.commit(serverId, serial),

    /**
     * Writes down what an agent says it believes; one that is too old to say believes what it was enrolled with.
     * @returns what it is to believe, where that is something else: also when another one issues now
     */
    async believes(serverId: string, fingerprints: readonly string[]): Promise<string | undefined> {
      if (fingerprints.length > 0) await store.servers.saveAuthorities(serverId, fingerprints)
      return fingerprints.join() === inOrder ? undefined : bundle
    },

    /** A candidate for the key in the request; the asking certificate must still be the active one. */
    async renew(asking: { serverId: string; workspaceId: string; serial: string }, csrPem: string): Promise<Renewal> {
      const { serverId, workspaceId } = asking
      const issued = await ca.issueAgent(csrPem, { workspaceId, serverId })
      if ('refused' in issued) return { ok: false, why: issued.refused }
      const { certificatePem, ...certificate } = issued
      return store.transaction(async (tx) => {
        await tx.servers.lock(serverId)
        const holder = await tx.certificates.holder(asking.serial)
        if (holder?.state !== 'active') return { ok: false, why: 'the asking certificate is not active' }
        await tx.certificates.retireCandidates(serverId)
        await tx.certificates.insert({ ...certificate, serverId, state: 'candidate' })
        return { ok: true, certificatePem }
      })
    },
  }
}
