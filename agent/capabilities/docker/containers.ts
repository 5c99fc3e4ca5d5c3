// What the docker lane says of the containers, for whoever looks at the whole host in the inspect lane. Where there is no
// engine nobody is asked; one that does not answer is no reason to say nothing of the rest.
import type { LaneIo } from '../../lanes/lanes.ts'
import type { CapabilityRooms } from '../index.ts'

const QUESTION = JSON.stringify({ do: 'containers' })

/** As JSON; empty where nobody says any. */
export async function containersHere({ lanes, contained, engine }: CapabilityRooms, io: LaneIo): Promise<string> {
  if (!contained('docker') || !engine()) return ''
  const answer = await lanes.containers(QUESTION, io)
  return answer.kind === 'outcome' ? answer.outcome.json : ''
}
