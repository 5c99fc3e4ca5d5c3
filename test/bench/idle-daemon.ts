// Line 5: what the agent's daemon costs a host while nothing is asked of it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { enrol } from '../../agent/enrol.ts'
import { createSigningRequest } from '../../agent/identity/signing-request.ts'
import { agentProgram } from '../../install/local-agent.ts'
import { judged, type Line, type Row } from './measure.ts'
import { memoryOf, type Side, startSide } from './processes/process.ts'

const SETTLE_MS = 5_000
const WATCH_MS = 60_000
const MIB = 1024 * 1024

type Watched = { memory: ReturnType<typeof memoryOf>; cpuShare: number; started: number }

/** CPU ns of all threads (proc(5), schedstat). */
const cpuOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((sum, ns) => sum + ns, 0)

/** Page faults of ended children (proc(5), stat: cminflt): a process that was started and is gone leaves some. */
const childrenEnded = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[8],
  )

const childrenOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  )

async function watch(pids: readonly number[]): Promise<Watched[]> {
  await sleep(SETTLE_MS)
  const before = pids.map((pid) => ({ cpu: cpuOf(pid), ended: childrenEnded(pid) }))
  await sleep(WATCH_MS)
  return pids.map((pid, index) => ({
    memory: memoryOf(pid),
    cpuShare: (cpuOf(pid) - (before[index]?.cpu ?? 0)) / (WATCH_MS * 1e6),
    started: childrenOf(pid).length + (childrenEnded(pid) === before[index]?.ended ? 0 : 1),
  }))
}

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

function rowsOf([floor, peer, ours]: readonly Watched[]): Row[] {
  if (!floor || !peer || !ours) throw new Error('a process is missing')
  const each = (name: string, { memory, cpuShare }: Watched): Row[] => [
    { name: `${name}: resident memory`, values: [memory.rss / MIB], unit: 'MB' },
    { name: `${name}: private memory`, values: [memory.private / MIB], unit: 'MB' },
    { name: `${name}: CPU`, values: [100 * cpuShare], unit: '% of a core' },
  ]
  return [
    judged(
      { name: 'resident memory', values: [ours.memory.rss / MIB], unit: 'MB', note: 'gate 70, goal 64' },
      { gate: 70, goal: 64, better: 'lower' },
    ),
    judged(
      { name: 'private memory', values: [ours.memory.private / MIB], unit: 'MB', note: 'gate 22, goal 17' },
      { gate: 22, goal: 17, better: 'lower' },
    ),
    judged(
      { name: 'CPU', values: [100 * ours.cpuShare], unit: '% of a core', note: 'gate 0.1' },
      { gate: 0.1, better: 'lower' },
    ),
    judged(
      { name: 'processes started in that minute', values: [ours.started], unit: '', note: 'gate 0' },
      { gate: 0, better: 'lower' },
    ),
    { name: 'private memory, ours / peer', values: [ours.memory.private / peer.memory.private], unit: '×' },
    ...each('floor', floor),
    ...each('peer', peer),
  ]
}

export async function idleDaemon(): Promise<Line> {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-bench-daemon-'))
  mkdirSync(join(directory, 'agent'), { mode: 0o700 })
  const [central, bare] = await Promise.all([startSide('central'), startSide('streams')])
  try {
    const timer = run([process.execPath, '-e', 'setInterval(() => {}, 10_000)'], { PATH: '/usr/bin:/bin' })
    const peer = await startPeer(central, bare, directory)
    const daemon = await startDaemon(central, directory)
    return {
      title: '5. The agent daemon, connected and idle',
      notes: [
        'floor: node with a timer. peer: grpc-js, proto-loader and zod in a few lines, connected and beating. ours: the daemon as `npm run up`',
        'starts it. One minute at the real pace of six heartbeats; CPU of all threads.',
      ],
      rows: rowsOf(await watch([timer, peer, daemon])),
    }
  } finally {
    for (const child of processes.splice(0)) child.kill('SIGTERM')
    await central.ask('stop')
    await Promise.all([central.end(), bare.end()])
    rmSync(directory, { recursive: true, force: true })
  }
}
