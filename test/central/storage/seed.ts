// The rows that other rows point at.
import type { Database } from '../../../central/storage/database.ts'

/** Workspaces wsp_1 and wsp_2, users usr_anna and usr_ben (owners of wsp_1), server srv_1 in wsp_1; once a database. */
export async function seedWorkspace({ kysely }: Database): Promise<void> {
  const there = await kysely.selectFrom('workspaces').select('id').where('id', '=', 'wsp_1').executeTakeFirst()
  if (there) return
  const workspace = { name: 'Test', plan: 'deployment_crew', overrides: '{}', policy: '{}', created_at: 1 }
  await kysely
    .insertInto('workspaces')
    .values([
      { id: 'wsp_1', ...workspace },
      { id: 'wsp_2', ...workspace },
    ])
    .execute()
  for (const name of ['anna', 'ben']) {
    const user = {
      id: `usr_${name}`,
      email: `${name}@example.org`,
      password_hash: null,
      disabled_at: null,
      created_at: 1,
    }
    await kysely.insertInto('users').values(user).execute()
    await kysely
      .insertInto('members')
      .values({ workspace_id: 'wsp_1', user_id: user.id, role: 'owner', created_at: 1 })
      .execute()
  }
  const server = { id: 'srv_1', workspace_id: 'wsp_1', name: 'web-1', created_at: 1, facts: '{}', authorities: '[]' }
  await kysely
    .insertInto('servers')
    .values({ ...server, decommissioned_at: null, last_seen_at: null, agent_version: null })
    .execute()
}
