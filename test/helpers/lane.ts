// Real lane processes without a daemon, for tests: a data directory of their own, and grants signed by a key made here.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Grant, signGrant } from '#proto/contract/grant.ts'
import { type Answer, createLanes, type LaneIo } from '../../agent/lanes/lanes.ts'
import { laneArguments } from '../../agent/lanes/settings.ts'
import { pinTrust } from '../../agent/lanes/trust.ts'
import type { Outcome, SignedWords } from '../../agent/lanes/words.ts'
import { startCompanion } from '../../agent/process/spawn.ts'

export const COMPILE_CACHE = join(tmpdir(), 'mttrly-test-compile-cache')
export const SERVER = `srv_${'1'.repeat(32)}`

export type LaneHome = ReturnType<typeof makeLaneHome>

export function makeLaneHome(hidden: string[] = []) {
  const root = mkdtempSync(join(tmpdir(), 'mttrly-lane-test-'))
  chmodSync(root, 0o755) // what is in it is protected by more than a closed parent
  const dataDirectory = join(root, 'data')
  const configDirectory = join(root, 'config')
  const act = join(dataDirectory, 'act')
  mkdirSync(configDirectory)
  mkdirSync(act, { recursive: true, mode: 0o700 })
  const key = generateKeyPairSync('ed25519')
  pinTrust(act, { serverId: SERVER, actionKeyPem: key.publicKey.export({ type: 'spki', format: 'pem' }).toString() })
  const args = laneArguments({ dataDirectory, configDirectory, hidden })
  const lanes = createLanes({ start: startCompanion, args, compileCache: COMPILE_CACHE })
  return {
    root,
    dataDirectory,
    configDirectory,
    args,
    lanes,
    signed(over: Partial<Grant> = {}, signer = key.privateKey): { grant: Grant; words: SignedWords } {
      const grant = grantOf(over)
      const { grant: bytes, signature } = signGrant(grant, signer)
      return {
        grant,
        words: { grant: bytes.toString('base64'), signature: signature.toString('base64'), outputFrom: 0 },
      }
    },
    async remove(): Promise<void> {
      await lanes.stop()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

export const grantOf = (over: Partial<Grant>): Grant => ({
  version: 1,
  action_id: `act_${randomBytes(16).toString('hex')}`,
  server_id: SERVER,
  kind: 'command',
  argv: ['/bin/true'],
  cwd: '/',
  env: {},
  user: '',
  terminal: false,
  timeout_ms: 20_000,
  start_before: Date.now() + 60_000,
  nonce: randomBytes(16).toString('base64url'),
  ...over,
})

/** Collects a lane's output. */
export function collect(signal = new AbortController().signal): LaneIo & { text(): string; bytes(): number } {
  const chunks: Buffer[] = []
  return {
    signal,
    onOutput: async (_offset, data) => void chunks.push(Buffer.from(data)),
    text: () => Buffer.concat(chunks).toString('utf8'),
    bytes: () => chunks.reduce((sum, { length }) => sum + length, 0),
  }
}

export function outcomeOf(answer: Answer): Outcome {
  if (answer.kind !== 'outcome') throw new Error(`no outcome: ${JSON.stringify(answer)}`)
  return answer.outcome
}

/** Whether a process runs: one that has ended and waits to be reaped does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
