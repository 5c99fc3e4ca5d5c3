// Line 3: what a connected, idle agent costs Central, beside a bare grpc-js stream with the same TLS.
import { setTimeout as sleep } from 'node:timers/promises'
import { judged, type Line, type Row } from './measure.ts'
import { type Side, startSide } from './processes/process.ts'

const ROUNDS = 5
const BEATS = { times: 3, ms: 2_000 }
/** For what the handshakes have left behind to go, and the last frames to arrive. */
const SETTLE_MS = 1_500

type Memory = { rss: number; private: number }
type Address = { port: number; caPem: string; keyPem: string; certificatePem: string }
type Hub = { server: Side; address: Address; perAgent: number; rss: number }

/** The first fifth of the agents brings the process to its working size; the others are what is measured. */
async function fill(hub: Pick<Hub, 'server' | 'address'>, fleet: Side, certificates: readonly string[]): Promise<Hub> {
  const { port, caPem } = hub.address
  const connect = async (some: readonly string[]): Promise<Memory> => {
    await fleet.ask('connect', { port, caPem, certificates: some })
    await sleep(SETTLE_MS)
    return hub.server.ask<Memory>('memory')
  }
  const first = certificates.length / 5
  const before = await connect(certificates.slice(0, first))
  const { rss } = await connect(certificates.slice(first))
  return { ...hub, perAgent: (rss - before.rss) / (certificates.length - first), rss }
}

/** CPU µs of the server for one heartbeat. */
async function costOfBeat({ server, address }: Hub, fleet: Side): Promise<number> {
  const before = await server.ask<number>('cpu')
  const beats = await fleet.ask<number>('beat', { port: address.port, ...BEATS })
  await sleep(200)
  return ((await server.ask<number>('cpu')) - before) / beats
}

async function measure(agents: number, sides: { central: Side; bare: Side; fleet: Side }): Promise<Row[]> {
  const { central, bare, fleet } = sides
  const address = await central.ask<Address>('link')
  const certificates = await central.ask<string[]>('enrolMany', { csrPem: await fleet.ask('csr'), count: agents })
  const port = await bare.ask<number>('listen', address)
  const floor = await fill({ server: bare, address: { ...address, port } }, fleet, certificates)
  const ours = await fill({ server: central, address }, fleet, certificates)

  const beats: { floor: number; ours: number }[] = []
  for (let round = -2; round < ROUNDS; round++) {
    const cost = { floor: await costOfBeat(floor, fleet), ours: 0 }
    cost.ours = await costOfBeat(ours, fleet)
    if (round >= 0) beats.push(cost) // the first two warm up
  }
  const before = await central.ask<number>('writes')
  const counted = await fleet.ask<number>('beat', { port: address.port, ...BEATS })
  const writes = (await central.ask<number>('writes')) - before
  const kib = (bytes: number) => bytes / 1024
  return [
    judged({ name: 'memory of an agent, ours / bare grpc-js', values: [ours.perAgent / floor.perAgent], unit: '×', note: 'gate 1.25' }, { gate: 1.25, better: 'lower' }),
    judged({ name: 'memory of an agent, ours', values: [kib(ours.perAgent)], unit: 'KB', note: 'gate 100' }, { gate: 100, better: 'lower' }),
    judged({ name: 'CPU of a heartbeat, ours / bare grpc-js', values: beats.map((cost) => cost.ours / cost.floor), unit: '×', note: 'gate 1.5' }, { gate: 1.5, better: 'lower' }),
    judged({ name: 'database writes a heartbeat', values: [writes / counted], unit: '', note: `gate 0; ${writes} statements in ${counted} heartbeats, where the one a minute for all agents may be among them` }, { gate: 0.01, better: 'lower' }),
    { name: 'memory of an agent, bare grpc-js', values: [kib(floor.perAgent)], unit: 'KB' },
    { name: 'whole process with all agents, bare grpc-js', values: [kib(floor.rss) / 1024], unit: 'MB' },
    { name: 'whole process with all agents, ours', values: [kib(ours.rss) / 1024], unit: 'MB' },
    { name: 'CPU of a heartbeat, bare grpc-js', values: beats.map((cost) => cost.floor), unit: 'µs' },
    { name: 'CPU of a heartbeat, ours', values: beats.map((cost) => cost.ours), unit: 'µs' },
  ]
}

export async function idleAgents(agents: number): Promise<Line> {
  const gc = ['--expose-gc']
  const [central, bare, fleet] = await Promise.all([startSide('central', [], gc), startSide('streams', [], gc), startSide('fleet')])
  try {
    return {
      title: `3. ${agents.toLocaleString('en')} idle agents in Central`,
      notes: [
        'floor: grpc-js with the same TLS, options and codecs, and nothing behind it. ours: the whole of Central. Memory is resident memory',
        'after a collection, of the last four fifths of the agents. Heartbeats come at some 15 times their real pace.',
      ],
      rows: await measure(agents, { central, bare, fleet }),
    }
  } finally {
    await fleet.end()
    await central.ask('stop')
    await Promise.all([central.end(), bare.end()])
  }
}
