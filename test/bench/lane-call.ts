// Line 2: `uptime` by a client's call, through Central, the link and the hardened read lane of an installed agent, beside
// ssh into the same systemd guest and a bare start of the program inside it.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Guest, startGuest, whyNoGuest } from '../guest/guest.ts'
import { startServedCentral } from '../guest/world.ts'
import { createCleanup } from '../helpers/cleanup.ts'
import { judged, type Line, median, type Row } from './measure.ts'
import { startSsh } from './ssh.ts'

const TITLE = '2. execute_command uptime through a lane of an installed agent'
const ROUNDS = 5
const CALLS = 12
const AT_ONCE = 16
/** Between calls, on every side: a lane serves one call, and the next needs a moment to be there. */
const PAUSE_MS = 500

type Way = () => Promise<unknown>

async function timed(way: Way): Promise<number> {
  const start = performance.now()
  await way()
  return performance.now() - start
}

async function apart(way: Way, count = CALLS): Promise<number> {
  const times: number[] = []
  for (let call = 0; call < count; call++) {
    await sleep(PAUSE_MS)
    times.push(await timed(way))
  }
  return median(times)
}

/** A call while the stream is not back yet is refused at once, and starts nothing. */
async function firstAnswered(way: Way): Promise<number> {
  for (;;) {
    const ms = await timed(way).catch((error: Error) => {
      if (!error.message.includes('SERVER_OFFLINE')) throw error
    })
    if (ms !== undefined) return ms
    await sleep(100)
  }
}

/** ms for all of them. */
const atOnce = (way: Way): Promise<number> => timed(() => Promise.all(Array.from({ length: AT_ONCE }, way)))

/** The guest's own Node starts the program; the median in ms. */
async function spawnedInside(guest: Guest): Promise<number> {
  const script = `
    const { spawn } = require('node:child_process')
    const one = () => new Promise((done) => { const t = performance.now(); spawn('uptime').on('close', () => done(performance.now() - t)) })
    ;(async () => { const all = []; for (let i = 0; i < ${CALLS}; i++) { await new Promise((r) => setTimeout(r, 100)); all.push(await one()) }
      console.log(all.sort((a, b) => a - b)[${CALLS >> 1}]) })()`
  await guest.must('cat >/root/spawn.cjs', script)
  return Number(await guest.must('/opt/mttrly/current/node /root/spawn.cjs'))
}

async function measure(cleanup: ReturnType<typeof createCleanup>): Promise<Row[]> {
  const world = await startServedCentral(cleanup)
  const guest = await startGuest(cleanup)
  await guest.must((await world.newToken()).command)
  await world.untilOnline(1)
  const [server] = await world.servers()
  const call = async () => {
    const args = { server_id: server?.id, command: 'uptime' }
    const { status, isolation } = await world.mcp.value('execute_command', args)
    if (status !== 'succeeded' || isolation !== 'systemd') throw new Error(`uptime ${status}, isolation ${isolation}`)
  }
  const overSsh = await startSsh(guest, cleanup)
  const ssh = () => overSsh('uptime')

  const rounds: { ours: number; ssh: number; spawn: number; oursMany: number; sshMany: number; cold: number }[] = []
  await apart(call)
  await apart(ssh)
  for (let round = 0; round < ROUNDS; round++) {
    const [ours, peer, spawn] = [await apart(call), await apart(ssh), await spawnedInside(guest)]
    const [oursMany, sshMany] = [await atOnce(call), await atOnce(ssh)]
    await guest.must('systemctl restart mttrly-agent')
    await sleep(2_000)
    await world.untilOnline(1)
    const cold = await firstAnswered(call)
    rounds.push({ ours, ssh: peer, spawn, oursMany, sshMany, cold })
  }
  const all = (figure: (round: (typeof rounds)[number]) => number) => rounds.map(figure)
  const rate = (ms: number) => (AT_ONCE * 1_000) / ms
  return [
    judged(
      { name: 'ours / ssh', values: all(({ ours, ssh }) => ours / ssh), unit: '×', note: 'gate 0.7' },
      { gate: 0.7, better: 'lower' },
    ),
    judged(
      { name: 'ours - spawn', values: all(({ ours, spawn }) => ours - spawn), unit: 'ms', note: 'gate 6' },
      { gate: 6, better: 'lower' },
    ),
    { name: 'ours, a lane waiting', values: all(({ ours }) => ours), unit: 'ms' },
    { name: 'ssh, over an open connection', values: all(({ ssh }) => ssh), unit: 'ms' },
    { name: 'spawn', values: all(({ spawn }) => spawn), unit: 'ms' },
    { name: 'ours, no lane waiting, the daemon just started', values: all(({ cold }) => cold), unit: 'ms' },
    { name: `ours, ${AT_ONCE} at once`, values: all(({ oursMany }) => rate(oursMany)), unit: 'a second' },
    { name: `ssh, ${AT_ONCE} at once`, values: all(({ sshMany }) => rate(sshMany)), unit: 'a second' },
  ]
}

export async function laneCall(): Promise<Line> {
  const why = whyNoGuest()
  if (why) return { title: TITLE, notes: [`Not measured: ${why}.`], rows: [] }
  const cleanup = createCleanup()
  try {
    const rows = await measure(cleanup)
    return {
      title: TITLE,
      notes: [
        'spawn: Node inside the guest starts `uptime`. ssh: `ssh guest uptime` over a ControlMaster connection, with the start of the client.',
        `ours: client, policy, durable audit, link, sandbox, redaction. Medians of ${CALLS} calls with a pause between them, on every side alike.`,
      ],
      rows,
    }
  } finally {
    await cleanup.run()
  }
}
