// Servers. A decommissioned one keeps its row, because its history refers to it, and is in no list.
import { z } from 'zod'
import { HostFacts, type Server, type Standing } from '../domain/server.ts'
import type { Database } from './database.ts'
import { prepare } from './prepared.ts'
import type { Schema } from './schema.ts'

export type ServersStore = ReturnType<typeof createServersStore>

/** Parameters of one statement; SQLite allows 32,766 (https://www.sqlite.org/limits.html). */
const IDS_AT_ONCE = 1_000

export function createServersStore(db: Database) {
  const { kysely } = db
  const present = () => kysely.selectFrom('servers').selectAll('servers').where('decommissioned_at', 'is', null)
  /** Of every call that concerns a server. */
  const getOne = prepare(present().where('workspace_id', '=', '').where('id', '=', ''))

  return {
    async insert(server: Pick<Server, 'id' | 'workspaceId' | 'name' | 'createdAt'>): Promise<void> {
      await kysely
        .insertInto('servers')
        .values({
          id: server.id,
          workspace_id: server.workspaceId,
          name: server.name,
          created_at: server.createdAt,
          decommissioned_at: null,
          last_seen_at: null,
          agent_version: null,
          facts: 'null',
          authorities: '[]',
        })
        .execute()
    },

    /** Also one that is decommissioned. */
    async find(id: string): Promise<Server | undefined> {
      const row = await kysely.selectFrom('servers').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    async get(workspaceId: string, id: string): Promise<Server | undefined> {
      const { rows } = await kysely.executeQuery(getOne([workspaceId, id]))
      return rows[0] && fromRow(rows[0])
    },

    async list(workspaceId: string): Promise<Server[]> {
      const rows = await present().where('workspace_id', '=', workspaceId).orderBy('created_at').orderBy('id').execute()
      return rows.map(fromRow)
    },

    /** Of every workspace: whom to expect after a start. */
    async all(): Promise<Pick<Server, 'id' | 'workspaceId' | 'lastSeenAt'>[]> {
      const rows = await kysely
        .selectFrom('servers')
        .select(['id', 'workspace_id', 'last_seen_at'])
        .where('decommissioned_at', 'is', null)
        .execute()
      return rows.map((row) => ({ id: row.id, workspaceId: row.workspace_id, lastSeenAt: row.last_seen_at }))
    },

    async count(workspaceId: string): Promise<number> {
      const row = await kysely
        .selectFrom('servers')
        .select((eb) => eb.fn.countAll().as('n'))
        .where('workspace_id', '=', workspaceId)
        .where('decommissioned_at', 'is', null)
        .executeTakeFirstOrThrow()
      return Number(row.n)
    },

    /** Until the transaction ends nobody else holds this; an update locks the row on both databases. */
    async lockWorkspace(workspaceId: string): Promise<void> {
      await kysely
        .updateTable('workspaces')
        .set((eb) => ({ name: eb.ref('name') }))
        .where('id', '=', workspaceId)
        .execute()
    },

    /** The same for one server, so that taking its certificates back and renewing one cannot cross. */
    async lock(id: string): Promise<void> {
      await kysely
        .updateTable('servers')
        .set((eb) => ({ name: eb.ref('name') }))
        .where('id', '=', id)
        .execute()
    },

    async saveFacts(id: string, facts: HostFacts): Promise<void> {
      await kysely
        .updateTable('servers')
        .set({ agent_version: facts.agent_version, facts: JSON.stringify(facts) })
        .where('id', '=', id)
        .execute()
    },

    /** Written only when it says something new. */
    async saveAuthorities(id: string, authorities: readonly string[]): Promise<void> {
      const text = JSON.stringify(authorities)
      const row = await kysely.selectFrom('servers').select('authorities').where('id', '=', id).executeTakeFirst()
      if (row && row.authorities !== text)
        await kysely.updateTable('servers').set({ authorities: text }).where('id', '=', id).execute()
    },

    /** Of one workspace, or of all: what decides whether each agent can come. */
    async standings(workspaceId?: string): Promise<Standing[]> {
      const rows = await present()
        .leftJoin('certificates', (join) =>
          join.onRef('certificates.server_id', '=', 'servers.id').on('certificates.state', '=', 'active'),
        )
        .$if(workspaceId !== undefined, (query) => query.where('workspace_id', '=', workspaceId ?? ''))
        .select(['certificates.issuer', 'certificates.not_after'])
        .orderBy('servers.created_at')
        .orderBy('servers.id')
        .execute()
      return rows.map(({ id, workspace_id, name, last_seen_at, issuer, not_after, authorities }) => ({
        id,
        workspaceId: workspace_id,
        name,
        lastSeenAt: last_seen_at,
        certificate: issuer === null || not_after === null ? null : { issuer, notAfter: not_after },
        believes: Authorities.parse(JSON.parse(authorities)),
      }))
    },

    /** Agents of a time when there was one authority only believe that one. */
    async attribute(authority: string): Promise<void> {
      const authorities = JSON.stringify([authority])
      await kysely.updateTable('servers').set({ authorities }).where('authorities', '=', '[]').execute()
    },

    async touch(ids: readonly string[], at: number): Promise<void> {
      for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
        await kysely
          .updateTable('servers')
          .set({ last_seen_at: at })
          .where('id', 'in', ids.slice(from, from + IDS_AT_ONCE))
          .execute()
      }
    },

    /** False when it was decommissioned already. */
    async decommission(id: string, at: number): Promise<boolean> {
      const changed = await kysely
        .updateTable('servers')
        .set({ decommissioned_at: at })
        .where('id', '=', id)
        .where('decommissioned_at', 'is', null)
        .executeTakeFirst()
      return changed.numUpdatedRows === 1n
    },
  }
}

const Authorities = z.array(z.string())
const Facts = HostFacts.nullable()
const MOST_FACTS = 10_000
/** By their text: the same facts are read with every call, and change when an agent or its host does. */
const facts = new Map<string, HostFacts | null>()

function readFacts(text: string): HostFacts | null {
  const known = facts.get(text)
  if (known !== undefined) return known
  const read = Facts.parse(JSON.parse(text))
  if (facts.size >= MOST_FACTS) facts.clear()
  facts.set(text, read)
  return read
}

function fromRow(row: Schema['servers']): Server {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    name: row.name,
    createdAt: row.created_at,
    decommissionedAt: row.decommissioned_at,
    lastSeenAt: row.last_seen_at,
    facts: readFacts(row.facts),
  }
}
