// Line 8: a command that prints 1 GB through the read lane of an installed agent, and a file of 1 MB through read_file;
// beside the same command read and hashed by a bare Node process in the guest, and `cat` over an open ssh connection.

import { type Guest, startGuest, whyNoGuest } from '../guest/guest.ts'
import { startServedCentral } from '../guest/world.ts'
import { createCleanup } from '../helpers/cleanup.ts'
import { judged, type Line, type Row } from './measure.ts'
import { ordinaryLog } from './redaction.ts'
import { startSsh } from './ssh.ts'

const TITLE = '8. Large outputs'
const MIB = 1024 * 1024
const GIB = 1024 * MIB
const ROUNDS = 3
const READS = 15
const BIG = '/var/log/big.log'
const SMALL = '/var/log/small.log'

/** What a lane does to output, without policy, sandbox, redaction, link and Central: MB a second. */
async function bareRate(guest: Guest): Promise<number> {
  const script = `
    const { spawn } = require('node:child_process')
    const hash = require('node:crypto').createHash('sha256')
    const from = performance.now()
    spawn('cat', ['${BIG}']).stdout.on('data', (data) => hash.update(data)).on('end', () => console.log(${GIB} / ${MIB} / ((performance.now() - from) / 1000)))`
  await guest.must('cat >/root/bare.cjs', script)
  return Number(await guest.must('/opt/mttrly/current/node /root/bare.cjs'))
}

/** Resident memory of the daemon at its highest since it was last asked, and now (proc(5): clear_refs, VmHWM). */
async function daemonMemory(guest: Guest): Promise<{ highest: number; now: number }> {
  const pid = await guest.must('systemctl show -P MainPID mttrly-agent')
  const status = await guest.must(`cat /proc/${pid}/status; echo 5 >/proc/${pid}/clear_refs`)
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  return { highest: kib('VmHWM'), now: kib('VmRSS') }
}

const BOUNDED = { gate: 64, better: 'lower' } as const

/** MB more than before. */
const memoryRows = (name: string, { daemon, central }: { daemon: number; central: number }): Row[] => [
  judged({ name: `${name}: memory of the daemon`, values: [daemon], unit: 'MB', note: 'gate 64' }, BOUNDED),
  judged({ name: `${name}: of Central and client`, values: [central], unit: 'MB', note: 'gate 64' }, BOUNDED),
]

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

async function measure(cleanup: ReturnType<typeof createCleanup>): Promise<Row[]> {
  const world = await startServedCentral(cleanup)
  const guest = await startGuest(cleanup)
  await guest.must((await world.newToken()).command)
  await world.untilOnline(1)
  const server_id = (await world.servers())[0]?.id
  const block = ordinaryLog(MIB).toString('utf8')
  await guest.must(`cat >${SMALL}; for i in $(seq 1024); do cat ${SMALL}; done | head -c ${GIB} >${BIG}`, block)
  await guest.must(`chmod 644 ${SMALL} ${BIG}; truncate -s ${MIB} ${SMALL}`)
  const ssh = await startSsh(guest, cleanup)

  async function print(): Promise<number> {
    const asked = await world.mcp.value('execute_command', { server_id, command: `cat ${BIG}`, timeout_s: 120 })
    let ended = asked
    while (ended.status === 'running' || ended.status === 'approved')
      ended = await world.mcp.value('get_action_result', { action_id: asked.action_id, wait_s: 40 })
    if (ended.status !== 'succeeded') throw new Error(JSON.stringify(ended).slice(0, 500))
    return GIB / MIB / (Number(ended.duration_ms) / 1000)
  }
  const read = () => world.mcp.value('read_file', { server_id, path: SMALL })
  const tail = () => world.mcp.value('read_file', { server_id, path: BIG })
  const search = () => world.mcp.value('search_files', { server_id, path: BIG, query: 'needle-that-is-nowhere' })

  /** What the work gave, and by how many MB the daemon, and this process with Central and the client, grew meanwhile. */
  async function watched<Result>(work: () => Promise<Result>) {
    const { now } = await daemonMemory(guest)
    const before = process.memoryUsage.rss()
    let most = before
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss())
    }, 50)
    const result = await work()
    clearInterval(watch)
    const { highest } = await daemonMemory(guest)
    return { result, daemon: highest - now, central: (most - before) / MIB }
  }

  const rounds: { ours: number; bare: number; daemon: number; central: number }[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const bare = await bareRate(guest)
    const { result: ours, ...memory } = await watched(print)
    rounds.push({ ours, bare, ...memory })
  }
  const tailed = await watched(tail)
  const searched = await watched(search)
  const reads: number[] = []
  for (let each = 0; each < READS; each++) {
    const ours = await timed(read)
    reads.push(ours / (await timed(() => ssh(`cat ${SMALL}`))))
  }
  const all = (figure: (round: (typeof rounds)[number]) => number) => rounds.map(figure)
  return [
    judged(
      { name: '1 GB printed, ours / bare', values: all(({ ours, bare }) => ours / bare), unit: '×', note: 'gate 0.7' },
      { gate: 0.7, better: 'higher' },
    ),
    ...memoryRows('1 GB printed', {
      daemon: Math.max(...all(({ daemon }) => daemon)),
      central: Math.max(...all(({ central }) => central)),
    }),
    ...memoryRows('the tail of 1 GB', tailed),
    ...memoryRows('1 GB searched', searched),
    { name: 'ours', values: all(({ ours }) => ours), unit: 'MB/s' },
    { name: 'bare', values: all(({ bare }) => bare), unit: 'MB/s' },
    judged(
      { name: 'read_file of 1 MB / cat over ssh', values: reads, unit: '×', note: 'gate 1' },
      { gate: 1, better: 'lower' },
    ),
  ]
}

export async function bigOutput(): Promise<Line> {
  const why = whyNoGuest()
  if (why) return { title: TITLE, notes: [`Not measured: ${why}.`], rows: [] }
  const cleanup = createCleanup()
  try {
    return {
      title: TITLE,
      notes: [
        'bare: Node in the guest starts the same `cat` and hashes what it prints. ours: sandbox, redaction, hash, link, audit; 16 MB are kept, the rest',
        'is counted. Memory is more than before; the lane itself is held by the MemoryMax= of its unit.',
      ],
      rows: await measure(cleanup),
    }
  } finally {
    await cleanup.run()
  }
}
