// Finds out what the lanes of this host are worth. It runs in a lane process, so that the daemon stays small.
import { existsSync } from 'node:fs'
import { loadPolicy, refuseLane } from '../guard/policy.ts'
import { type Isolation, probeIsolation } from '../process/isolation.ts'
import type { LaneSettings } from './settings.ts'
import type { LaneFacts } from './words.ts'

const BUBBLEWRAP = '/usr/bin/bwrap'

const isolation = async (): Promise<Isolation> =>
  existsSync(BUBBLEWRAP) ? await probeIsolation() : { kind: 'none', why: 'bubblewrap is not installed' }

export async function probeLanes(settings: LaneSettings): Promise<LaneFacts> {
  const policy = await loadPolicy(settings.configDirectory)
  const read = await isolation()
  const contained = read.kind === 'bubblewrap' ? 'ISOLATION_BUBBLEWRAP' : 'ISOLATION_NONE'
  const lanes = [
    { name: 'read', isolation: contained, refusal: refuseLane(policy, 'read') },
    { name: 'act', isolation: 'ISOLATION_NONE', refusal: refuseLane(policy, 'act') },
  ] as const
  return {
    lanes: lanes.flatMap(({ name, isolation, refusal }) => (refusal ? [] : [{ name, isolation }])),
    shell: settings.shell,
    notes: [
      ...(read.kind === 'none' ? [`the read lane has no isolation: ${read.why}`] : []),
      ...new Set(lanes.flatMap(({ refusal }) => refusal?.details.reason ?? [])),
    ],
  }
}
