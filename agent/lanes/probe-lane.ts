// Finds out what the lanes of this host are worth. It runs in a lane process, so that the daemon stays small.
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { spkiOf } from '../guard/approvers.ts'
import { type LaneName, loadPolicy, refuseLane } from '../guard/policy.ts'
import { type Isolation, probeIsolation, type Reach, type Targets } from '../process/isolation.ts'
import type { Companion } from '../process/spawn.ts'
import { readFrames, wordsFrame } from './frames.ts'
import type { LaneSettings } from './settings.ts'
import { connectLane } from './sockets.ts'
import type { LaneFacts, Outcome, Request } from './words.ts'

const BUBBLEWRAP = '/usr/bin/bwrap'
const ANSWER_MS = 20_000

type Found = { isolation: Outcome['isolation']; why?: string }

async function inBubblewrap(): Promise<Found> {
  if (!existsSync(BUBBLEWRAP)) return { isolation: 'ISOLATION_NONE', why: 'bubblewrap is not installed' }
  return found(await probeIsolation(), 'ISOLATION_BUBBLEWRAP')
}

const found = (answer: Isolation, isolation: Outcome['isolation']): Found =>
  answer.kind === 'contained' ? { isolation } : { isolation: 'ISOLATION_NONE', why: answer.why }

/** The first words of the answer, or undefined when the lane does not give any. */
async function ask(lane: Companion, request: Request): Promise<Record<string, unknown> | undefined> {
  const timer = setTimeout(lane.kill, ANSWER_MS)
  try {
    lane.input.write(wordsFrame(request))
    for await (const frame of readFrames<Record<string, unknown>>(lane.output)) if ('words' in frame) return frame.words
  } catch {
    // No such socket, or not for us.
  } finally {
    clearTimeout(timer)
    lane.kill()
  }
  return undefined
}

/** The same attack, run as a command of the unit. Its targets lie where that command could get at them, did the unit not close it. */
async function attackedUnit(open: () => Companion, runtime: string | undefined, reach: Reach): Promise<Found> {
  if (runtime === undefined) return { isolation: 'ISOLATION_NONE', why: 'no place for the probe' }
  const directory = join(runtime, 'probe')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  chmodSync(directory, 0o755)
  const inside = async (targets: Targets): Promise<string> => {
    const answer = await ask(open(), { do: 'attack', targets })
    return typeof answer?.report === 'string' ? answer.report : ''
  }
  return found(await probeIsolation(inside, directory, reach), 'ISOLATION_SYSTEMD')
}

async function dockerUnit(open: (lane: 'docker') => Companion): Promise<Found> {
  const where = (await ask(open('docker'), { do: 'where' }))?.where as { unit: string; uid: number } | undefined
  if (where === undefined) return { isolation: 'ISOLATION_NONE', why: 'its unit does not answer' }
  return where.unit !== '' && where.uid > 0
    ? { isolation: 'ISOLATION_SYSTEMD' }
    : { isolation: 'ISOLATION_NONE', why: 'it has more rights than its account' }
}

async function actUnit(open: (lane: 'act') => Companion): Promise<Found> {
  const where = (await ask(open('act'), { do: 'where' }))?.where as { unit: string; uid: number } | undefined
  if (where === undefined) return { isolation: 'ISOLATION_NONE', why: 'its unit does not answer' }
  return where.unit !== '' && where.uid === 0
    ? { isolation: 'ISOLATION_SYSTEMD' }
    : { isolation: 'ISOLATION_NONE', why: 'it is no unit of root' }
}

/** One after the other: they use the same place. Without systemd there is no inspect lane. */
async function isolations({ sockets, runtime }: LaneSettings): Promise<Partial<Record<LaneName, Found>>> {
  if (sockets === undefined) return { read: await inBubblewrap(), act: { isolation: 'ISOLATION_NONE' } }
  const open = connectLane(sockets)
  return {
    read: await attackedUnit(() => open('read'), runtime, 'nothing'),
    inspect: await attackedUnit(() => open('inspect'), runtime, 'sockets'),
    docker: await dockerUnit(open),
    act: await actUnit(open),
  }
}

export async function probeLanes(settings: LaneSettings): Promise<LaneFacts> {
  const policy = await loadPolicy(settings.configDirectory)
  const lanes = Object.entries(await isolations(settings)).map(([name, found]) => ({
    name,
    ...found,
    refusal: refuseLane(policy, name as LaneName),
  }))
  return {
    lanes: lanes.flatMap(({ name, isolation, refusal }) => (refusal ? [] : [{ name, isolation }])),
    shell: settings.shell,
    signedApprovals: policy.ok && policy.policy.approvals.signed,
    approvers: policy.ok ? policy.policy.approvals.approvers.map(({ key }) => spkiOf(key)) : [],
    notes: [
      // A lane that the policy refuses runs no probe either: that says nothing of its isolation.
      ...lanes.flatMap(({ name, why, refusal }) =>
        why === undefined || refusal ? [] : [`the ${name} lane has no isolation: ${why}`],
      ),
      ...new Set(lanes.flatMap(({ refusal }) => refusal?.details.reason ?? [])),
    ],
  }
}
