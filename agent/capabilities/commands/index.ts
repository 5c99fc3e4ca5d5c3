// Shell lines: read in the read lane without a grant, act in the act lane with one.

import type { Handlers } from '../handlers.ts'
import type { CapabilityRooms } from '../index.ts'
import { createAct } from './act.ts'
import { createRead } from './read.ts'

export const createCommands = (rooms: CapabilityRooms) =>
  ({ read: createRead(rooms), act: createAct(rooms) }) satisfies Handlers<'commands'>
