// kill -9 of the real daemon or the real lane at random moments of a command whose effect is counted on the host: it ran
// once or not at all, and the answer is true. `unknown` only where the lane itself was killed.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Connected, type FakeCentral, type Reply, startFakeCentral } from '../helpers/fake-central.ts'
import {
  type AgentHome,
  enrolWith,
  makeAgentHome,
  type RealAgent,
  removeAgentHome,
  startAgent,
} from '../helpers/real-agent.ts'

const ROUNDS = 40
/** Longer than the command takes here, so that some kills come late. */
const SPREAD_MS = 500

/** The act lanes of this home, found by their arguments. */
function lanesOf(home: AgentHome): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        return args.includes('act') && args.includes(home.data)
      } catch {
        return false
      }
    })
    .map(Number)
}

describe('an agent that is killed at any moment', () => {
  let central: FakeCentral
  let home: AgentHome
  let agent: RealAgent
  let link: Connected
  let greeted = 0

  const start = async (): Promise<void> => {
    agent = startAgent(home)
    greeted += 1
    link = await central.agent(greeted)
  }
  const restart = async (): Promise<void> => {
    agent.signal('SIGKILL')
    await agent.exited
    await start()
  }
  before(async () => {
    central = await startFakeCentral()
    home = makeAgentHome()
    await enrolWith(central, home)
    await start()
  })
  after(async () => {
    agent.signal('SIGTERM')
    await agent.exited
    await central.stop()
    removeAgentHome(home)
  })

  const kill = async (victim: 'daemon' | 'lane' | 'both'): Promise<void> => {
    if (victim !== 'daemon') {
      for (const pid of lanesOf(home)) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // it has just ended by itself
        }
      }
    }
    if (victim !== 'lane') await restart()
  }

  for (let round = 0; round < ROUNDS; round += 1) {
    const victim = (['daemon', 'lane', 'both', 'daemon'] as const)[round % 4] ?? 'daemon'
    const wait = Math.floor(Math.random() * SPREAD_MS)
    it(`round ${round}: ${victim} after ${wait} ms`, async () => {
      const effect = join(home.root, `effect-${round}`)
      const script = `echo ran >> ${effect}; sleep 0.1; echo output`
      const { id, request } = central.granted({ argv: ['/bin/sh', '-c', script] })
      const asked: Promise<Reply | undefined> = link.request('commands.act', request, { id }).catch(() => undefined)
      await delay(wait)
      await kill(victim)
      const reply = victim === 'lane' ? await asked : await link.request('commands.act', request, { id })
      const ran = existsSync(effect) ? readFileSync(effect, 'utf8').split('\n').length - 1 : 0
      const state = reply?.body?.state
      const truths: Record<string, number[]> = {
        RUN_STATE_EXITED: [1],
        RUN_STATE_NOT_STARTED: [0],
        ...(victim === 'daemon' ? {} : { RUN_STATE_UNKNOWN: [0, 1] }),
      }
      assert.ok(
        truths[state ?? '']?.includes(ran),
        `${state}, and it ran ${ran} times: ${JSON.stringify(reply?.failure)}`,
      )
      if (state === 'RUN_STATE_EXITED') {
        assert.equal(reply?.output.toString(), 'output\n')
        assert.equal(reply?.body?.outputBytes, 7)
      }
      link.send({ acknowledge: { requestId: id } })
    })
  }
})
