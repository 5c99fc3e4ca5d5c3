// The agent as a real process over a data directory of its own, for tests. Ends only what it has started.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { enrol } from '../../agent/enrol.ts'
import type { FakeCentral } from './fake-central.ts'

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url))

export type AgentHome = { data: string; config: string; root: string }

export function makeAgentHome(): AgentHome {
  const root = mkdtempSync(join(tmpdir(), 'mttrly-agent-test-'))
  return { root, data: join(root, 'data'), config: join(root, 'config') }
}
export const removeAgentHome = ({ root }: AgentHome): void => rmSync(root, { recursive: true, force: true })

export async function enrolWith(central: FakeCentral, home: AgentHome): Promise<void> {
  const options = {
    central: central.url,
    token: central.token,
    dataDirectory: home.data,
    replace: false,
    now: Date.now(),
  }
  const enrolled = await enrol(options)
  if (!enrolled.ok) throw new Error(`not enrolled: ${enrolled.why} ${enrolled.detail}`)
}

export type RealAgent = {
  pid: number
  log: string[]
  exited: Promise<number | NodeJS.Signals>
  signal(name: NodeJS.Signals): void
}

export function startAgent(home: AgentHome, args: string[] = [], input?: string): RealAgent & { stdout: string[] } {
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args, '--data', home.data, '--config', home.config], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin', HOME: home.root, NODE_COMPILE_CACHE: join(tmpdir(), 'mttrly-test-compile-cache') },
  })
  child.stdin?.end(input ?? '')
  const log: string[] = []
  const stdout: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => log.push(text))
  child.stdout?.setEncoding('utf8').on('data', (text: string) => stdout.push(text))
  const exited = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal ?? 0)),
  )
  return { pid: child.pid ?? 0, log, stdout, exited, signal: (name) => child.kill(name) }
}
