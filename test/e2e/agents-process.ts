// Many simulated agents in one process: real mTLS streams that beat, answer, and come back when they are lost.
import { fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LIMITS } from '#proto/contract/limits.ts'
import { createFakeAgent, type RequestIo } from '../helpers/fake-agent.ts'

export type Crowd = { port: number; caPem: string; keyPem: string; certificates: string[] }

/** Of one process: how many have a stream, and how many calls were answered. */
export type CrowdState = { connected: number; answered: number }

const OUTPUT = Buffer.from('all is well\n')
/** Between the first connections of two agents. */
const SPREAD_MS = 5
const COMES_BACK_WITHIN_MS = 3_000

export function startCrowd(crowd: Crowd) {
  const child = fork(fileURLToPath(import.meta.url), ['crowd'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let state: CrowdState = { connected: 0, answered: 0 }
  child.on('message', (message: CrowdState) => {
    state = message
  })
  child.send(crowd)
  return {
    state: () => state,
    stop: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function serve({ certificates, ...place }: Crowd): Promise<void> {
  const state: CrowdState = { connected: 0, answered: 0 }
  setInterval(() => process.send?.(state), 200)
  process.once('disconnect', () => process.exit(0))

  async function onRequest(_request: unknown, io: RequestIo): Promise<void> {
    await io.output(OUTPUT)
    state.answered += 1
    io.respond({ state: 'RUN_STATE_EXITED', outputBytes: OUTPUT.length, outputKept: OUTPUT.length, outputSha256: 'x' })
  }

  /** One stream from its hello to its end. */
  async function live(certificatePem: string): Promise<void> {
    const agent = createFakeAgent({ ...place, certificatePem, onRequest })
    try {
      await agent.connect()
      state.connected += 1
      agent.heartbeat()
      const beat = setInterval(() => agent.heartbeat(), LIMITS.heartbeat)
      await agent.ended
      clearInterval(beat)
      state.connected -= 1
    } catch {
      // Not let in, or nobody there: it comes back.
    }
    agent.close()
  }

  async function keep(certificatePem: string, index: number): Promise<void> {
    for (let waitMs = index * SPREAD_MS; ; waitMs = Math.random() * COMES_BACK_WITHIN_MS) {
      await sleep(waitMs)
      await live(certificatePem)
    }
  }

  await Promise.all(certificates.map(keep))
}

if (process.send && process.argv[2] === 'crowd') process.once('message', (crowd: Crowd) => void serve(crowd))
