// Line 5: what the agent's daemon costs a host while nothing is asked of it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { enrol } from '../../agent/enrol.ts'
import { createSigningRequest } from '../../agent/identity/signing-request.ts'
import { agentProgram } from '../../install/local-agent.ts'
import { createCleanup } from '../helpers/cleanup.ts'
import { startInstalledDaemon } from './installed-daemon.ts'
import { judged, type Line, type Row } from './measure.ts'
import { type Side, startSide } from './processes/process.ts'
import { type Watched, watch } from './watch.ts'

const MIB = 1024 * 1024

const processes: ChildProcess[] = []

function run(argv: readonly string[], env: NodeJS.ProcessEnv): number {
  const [file = '', ...args] = argv
  const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const said: Buffer[] = []
  child.stderr?.on('data', (data: Buffer) => said.push(data))
  child.once('exit', (code) => {
    if (code) console.error(Buffer.concat(said).toString())
  })
  processes.push(child)
  return child.pid ?? 0
}

const PLAIN_AGENT = fileURLToPath(new URL('./processes/plain-agent.mjs', import.meta.url))

/** Enrols this host and starts the daemon as `npm run up` does. */
async function startDaemon(central: Side, directory: string): Promise<number> {
  const token = await central.ask<string>('installToken')
  const data = join(directory, 'agent')
  const url = await central.ask<string>('url')
  const enrolled = await enrol({ central: url, token, dataDirectory: data, replace: false, now: Date.now() })
  if (!enrolled.ok) throw new Error(`not enrolled: ${enrolled.why} ${enrolled.detail}`)
  const { argv, warm, env } = agentProgram(data, directory)
  run(warm, env)
  await once(processes.pop() as ChildProcess, 'exit')
  const pid = run(argv, env)
  while (!(await central.ask<boolean>('isOnline', enrolled.serverId))) await sleep(100)
  return pid
}

async function startPeer(central: Side, bare: Side, directory: string): Promise<number> {
  const { keyPem, csrPem } = createSigningRequest()
  const address = await central.ask<{ caPem: string; keyPem: string; certificatePem: string }>('link')
  const port = await bare.ask<number>('listen', address)
  const [certificatePem] = await central.ask<string[]>('enrolMany', { csrPem, count: 1 })
  const file = join(directory, 'plain-agent.json')
  writeFileSync(file, JSON.stringify({ caPem: address.caPem, keyPem, certificatePem }), { mode: 0o600 })
  const pid = run([process.execPath, PLAIN_AGENT, String(port), file], { PATH: '/usr/bin:/bin' })
  while ((await bare.ask<number>('heartbeats')) === 0) await sleep(200)
  return pid
}

/** Against the gates, which hold however the daemon was started. */
function judgedRows(name: string, { memory, cpuShare, started }: Watched): Row[] {
  const bounds = { better: 'lower' } as const
  const rss = { name: `${name}: resident memory`, values: [memory.rss / MIB], unit: 'MB', note: 'gate 70, goal 64' }
  const own = { name: `${name}: private memory`, values: [memory.private / MIB], unit: 'MB', note: 'gate 22, goal 17' }
  const cpu = { name: `${name}: CPU`, values: [100 * cpuShare], unit: '% of a core', note: 'gate 0.1' }
  return [
    judged(rss, { gate: 70, goal: 64, ...bounds }),
    judged(own, { gate: 22, goal: 17, ...bounds }),
    { name: `${name}: of it, pages that it has changed`, values: [memory.changed / MIB], unit: 'MB' },
    judged(cpu, { gate: 0.1, ...bounds }),
    judged({ name: `${name}: processes started`, values: [started], unit: '', note: 'gate 0' }, { gate: 0, ...bounds }),
  ]
}

function rowsOf([floor, peer, ours, installed]: readonly Watched[]): Row[] {
  if (!floor || !peer || !ours) throw new Error('a process is missing')
  const each = (name: string, { memory, cpuShare }: Watched): Row[] => [
    { name: `${name}: resident memory`, values: [memory.rss / MIB], unit: 'MB' },
    { name: `${name}: private memory`, values: [memory.private / MIB], unit: 'MB' },
    { name: `${name}: CPU`, values: [100 * cpuShare], unit: '% of a core' },
  ]
  return [
    ...judgedRows('ours', ours),
    ...(installed ? judgedRows('installed', installed) : []),
    { name: 'private memory, ours / peer', values: [ours.memory.private / peer.memory.private], unit: '×' },
    ...each('floor', floor),
    ...each('peer', peer),
  ]
}

export async function idleDaemon(): Promise<Line> {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-bench-daemon-'))
  mkdirSync(join(directory, 'agent'), { mode: 0o700 })
  const cleanup = createCleanup()
  const [central, bare] = await Promise.all([startSide('central'), startSide('streams')])
  try {
    const installed = await startInstalledDaemon(cleanup)
    const timer = run([process.execPath, '-e', 'setInterval(() => {}, 10_000)'], { PATH: '/usr/bin:/bin' })
    const peer = await startPeer(central, bare, directory)
    const daemon = await startDaemon(central, directory)
    return {
      title: '5. The agent daemon, connected and idle',
      notes: [
        'floor: node with a timer. peer: grpc-js, proto-loader and zod in a few lines, connected and beating. ours: the daemon as `npm run up`',
        `starts it. installed: ${installed ? 'its unit in a systemd guest' : 'not measured, there can be no guest here'}. One minute at the real pace`,
        'of six heartbeats; CPU of all threads.',
      ],
      rows: rowsOf(await watch([timer, peer, daemon, ...(installed ? [installed] : [])])),
    }
  } finally {
    for (const child of processes.splice(0)) child.kill('SIGTERM')
    await central.ask('stop')
    await Promise.all([central.end(), bare.end()])
    await cleanup.run()
    rmSync(directory, { recursive: true, force: true })
  }
}
