// The door of what an agent can do: one folder a proto file. app.ts hands it to the journal and the link; nothing else
// imports it. The work itself happens inside lanes, where guard and redactor stand around it.
import type { CapabilityName } from '#proto/contract/methods.ts'
import type { Lanes } from '../lanes/lanes.ts'
import { createCommands } from './commands/index.ts'
import { createDocker } from './docker/index.ts'
import type { Handlers } from './handlers.ts'
import { createInspect } from './inspect/index.ts'

/** `contained`: whether that lane of this host is there, and was found to contain what runs in it. `engine`: of containers. */
export type CapabilityRooms = {
  lanes: Lanes
  contained(lane: 'read' | 'inspect' | 'docker'): boolean
  engine(): boolean
}

export const createCapabilities = (rooms: CapabilityRooms) =>
  ({
    commands: createCommands(rooms),
    inspect: createInspect(rooms),
    docker: createDocker(rooms),
  }) satisfies { [C in CapabilityName]: Handlers<C> }
