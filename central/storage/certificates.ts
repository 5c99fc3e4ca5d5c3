// Agent certificates and what each may still do. candidate: issued, never used. active: the one its server uses.
// retired: replaced by a newer one. revoked: taken back. Moves are compare-and-set.
import { z } from 'zod'
import { CERTIFICATE_STATES, type CertificateRecord } from '../domain/server.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export type CertificatesStore = ReturnType<typeof createCertificatesStore>

/** A certificate with what must be known of its server to let the agent in. */
export type Holder = CertificateRecord & { workspaceId: string; decommissionedAt: number | null }

const State = z.enum(CERTIFICATE_STATES)

export function createCertificatesStore(db: Database) {
  const { kysely } = db
  return {
    async insert(certificate: CertificateRecord): Promise<void> {
      await kysely.insertInto('certificates').values(toRow(certificate)).execute()
    },

    async holder(serial: string): Promise<Holder | undefined> {
      const row = await kysely
        .selectFrom('certificates')
        .innerJoin('servers', 'servers.id', 'certificates.server_id')
        .selectAll('certificates')
        .select(['servers.workspace_id', 'servers.decommissioned_at'])
        .where('serial', '=', serial)
        .executeTakeFirst()
      return row && { ...fromRow(row), workspaceId: row.workspace_id, decommissionedAt: row.decommissioned_at }
    },

    async ofServer(serverId: string): Promise<CertificateRecord[]> {
      const rows = await kysely
        .selectFrom('certificates')
        .selectAll()
        .where('server_id', '=', serverId)
        .orderBy('issued_at')
        .orderBy('serial')
        .execute()
      return rows.map(fromRow)
    },

    /** The candidate becomes the active one and the active one retires: both or neither. False when it is no candidate. */
    async commit(serverId: string, serial: string): Promise<boolean> {
      return db.transaction(async (tx) => {
        const changed = await tx.kysely
          .updateTable('certificates')
          .set({ state: 'active' })
          .where('serial', '=', serial)
          .where('server_id', '=', serverId)
          .where('state', '=', 'candidate')
          .executeTakeFirst()
        if (changed.numUpdatedRows !== 1n) return false
        await tx.kysely
          .updateTable('certificates')
          .set({ state: 'retired' })
          .where('server_id', '=', serverId)
          .where('serial', '!=', serial)
          .where('state', 'in', ['active', 'candidate'])
          .execute()
        return true
      })
    },

    async retireCandidates(serverId: string): Promise<void> {
      await kysely
        .updateTable('certificates')
        .set({ state: 'retired' })
        .where('server_id', '=', serverId)
        .where('state', '=', 'candidate')
        .execute()
    },

    async revokeAll(serverId: string): Promise<void> {
      await kysely.updateTable('certificates').set({ state: 'revoked' }).where('server_id', '=', serverId).execute()
    },

    /** Certificates of a time when there was one authority only are that one's. */
    async attribute(issuer: string): Promise<void> {
      await kysely.updateTable('certificates').set({ issuer }).where('issuer', '=', '').execute()
    },

    /** Forgets those that no handshake would accept any more. */
    async prune(before: number): Promise<void> {
      await kysely.deleteFrom('certificates').where('not_after', '<', before).execute()
    },
  }
}

const toRow = (certificate: CertificateRecord): Schema['certificates'] => ({
  serial: certificate.serial,
  server_id: certificate.serverId,
  state: certificate.state,
  fingerprint: certificate.fingerprint,
  issued_at: certificate.issuedAt,
  not_after: certificate.notAfter,
  issuer: certificate.issuer,
})

const fromRow = (row: Schema['certificates']): CertificateRecord => ({
  serial: row.serial,
  serverId: row.server_id,
  state: State.parse(row.state),
  fingerprint: row.fingerprint,
  issuedAt: row.issued_at,
  notAfter: row.not_after,
  issuer: row.issuer,
})
