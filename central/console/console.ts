// The console: web pages for people. It talks to the rooms it is given and never to storage; what a page asks to be done
// goes the way of every other call. Imported by app.ts alone.
import type { FastifyInstance } from 'fastify'
import { registerApproverDoor } from './approver-door.ts'
import { registerAssets } from './assets.ts'
import { createDoor } from './door.ts'
import { registerLive } from './live.ts'
import { registerAccount } from './pages/account.ts'
import { registerAddServer } from './pages/add-server.ts'
import { registerApprovals } from './pages/approvals.ts'
import { registerAudit } from './pages/audit.ts'
import { registerCertificates } from './pages/certificates.ts'
import { registerConsent } from './pages/consent.ts'
import { registerInstallation } from './pages/installation.ts'
import { registerJoin } from './pages/join.ts'
import { registerMembers } from './pages/members.ts'
import { registerServers } from './pages/servers.ts'
import { registerSetUp } from './pages/set-up.ts'
import { registerSettings } from './pages/settings.ts'
import { registerSignIn } from './pages/sign-in.ts'
import type { ConsoleRooms } from './rooms.ts'

/** Needs a parser for application/x-www-form-urlencoded bodies (@fastify/formbody) on `app`. */
export function registerConsole(app: FastifyInstance, rooms: ConsoleRooms): void {
  const door = createDoor(app, rooms)
  registerAssets(app)
  registerLive(app, door, rooms)
  registerSetUp(app, rooms)
  registerJoin(app, rooms)
  registerSignIn(app, door, rooms)
  registerConsent(app, rooms)
  registerAccount(door, rooms)
  registerServers(door, rooms)
  registerInstallation(door, rooms)
  registerAddServer(door, rooms)
  registerCertificates(door, rooms)
  registerApprovals(door, rooms)
  registerApproverDoor(app, rooms)
  registerAudit(door, rooms)
  registerSettings(door, rooms)
  registerMembers(door, rooms)
}
