// The console: web pages for people. It talks to the rooms it is given and never to storage; what a page asks to be done
// goes the way of every other call. Imported by app.ts alone; identity's pages share layout.ts, format.ts and proof.ts.
import type { FastifyInstance } from 'fastify'
import { registerAssets } from './assets.ts'
import { createDoor } from './door.ts'
import { registerLive } from './live.ts'
import { registerAddServer } from './pages/add-server.ts'
import { registerApprovals } from './pages/approvals.ts'
import { registerAudit } from './pages/audit.ts'
import { registerServers } from './pages/servers.ts'
import { registerSettings } from './pages/settings.ts'
import type { ConsoleRooms } from './rooms.ts'

/** Needs a parser for application/x-www-form-urlencoded bodies (@fastify/formbody) on `app`. */
export function registerConsole(app: FastifyInstance, rooms: ConsoleRooms): void {
  const door = createDoor(app, rooms)
  registerAssets(app)
  registerLive(app, door, rooms)
  registerServers(door, rooms)
  registerAddServer(door, rooms)
  registerApprovals(door, rooms)
  registerAudit(door, rooms)
  registerSettings(door, rooms)
}
