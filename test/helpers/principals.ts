// People and credentials for tests.
import type { Principal } from '../../central/domain/principal.ts'

export const principal = (changes: Partial<Principal> = {}): Principal => ({
  credential: 'oauth',
  userId: 'usr_anna',
  email: 'anna@example.org',
  workspaceId: 'wsp_1',
  role: 'owner',
  scopes: ['read', 'execute'],
  clientId: 'client-1',
  clientName: 'Test client',
  grantId: 'grant-1',
  source: 'mcp',
  ...changes,
})

export const person = (changes: Partial<Principal> = {}): Principal =>
  principal({ credential: 'session', clientId: 'console', clientName: 'Console', source: 'dashboard', ...changes })

/** A clock that stands still until it is moved. */
export function stillClock(start = 1_800_000_000_000) {
  let now = start
  return {
    now: () => now,
    advance(ms: number): void {
      now += ms
    },
  }
}
