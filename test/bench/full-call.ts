// Line 1: a full read tool call through Central and the link, beside the SDK's bare echo and a bare Fastify route.
import { setTimeout as sleep } from 'node:timers/promises'
import { initialize, modern } from '../central/mcp/send.ts'
import { judged, type Line, median, type Row } from './measure.ts'
import type { Answered, LoadOrder, LoadReport, LoadRequest } from './processes/load.ts'

import { type Side, startSide } from './processes/process.ts'

const ANY_ID = 1_000_000_000
const ROUNDS = 5
const ROUND_MS = 1_200
/** Until compiled code runs on every side. */
const WARM_UP = { calls: 3_000, ms: 12_000 }
const IN_FLIGHT = [1, 16] as const
const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

type Target = {
  name: 'floor' | 'peer, 2025' | 'ours, 2025' | 'peer, 2026' | 'ours, 2026'
  server: Side
  port: number
  request: LoadRequest
}
type Measured = LoadReport & { serverCpu: number; agentCpu: number }

const post = (path: string, headers: Record<string, string>, body: unknown): LoadRequest => ({
  method: 'POST',
  path,
  headers: { ...JSON_HEADERS, ...headers },
  body: JSON.stringify(body),
})

/** A session of the 2025 generation, and a call within it. */
async function legacyCall(load: Side, port: number, headers: Record<string, string>, params: object) {
  const opened = await load.ask<Answered>('once', { port, request: post('/mcp', headers, initialize()) })
  const id = /\r\nmcp-session-id: (\S+)/i.exec(opened.headers)?.[1]
  if (id === undefined) throw new Error(`no session: ${opened.status} ${opened.body}`)
  const inSession = { ...headers, 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
  const ready = { jsonrpc: '2.0', method: 'notifications/initialized' }
  await load.ask('once', { port, request: post('/mcp', inSession, ready) })
  return post('/mcp', inSession, { jsonrpc: '2.0', id: ANY_ID, method: 'tools/call', params })
}

function modernCall(headers: Record<string, string>, params: Record<string, unknown>): LoadRequest {
  const { headers: more, body } = modern('tools/call', params)
  return post('/mcp', { ...headers, ...more }, { ...body, id: ANY_ID })
}

async function startOurs(central: Side, agent: Side) {
  const url = await central.ask<string>('url')
  const serverId = await agent.ask<string>('start', { central: url, token: await central.ask('installToken') })
  while (!(await central.ask<boolean>('isOnline', serverId))) await sleep(50)
  const token = await central.ask<string>('accessToken')
  return { port: Number(new URL(url).port), headers: { authorization: `Bearer ${token}` }, serverId }
}

async function targetsOf(sides: { central: Side; agent: Side; echo: Side; load: Side }): Promise<Target[]> {
  const { central, agent, echo, load } = sides
  const { port, headers, serverId } = await startOurs(central, agent)
  const echoPort = await echo.ask<number>('port')
  const uptime = { name: 'mttrly_execute_command', arguments: { server_id: serverId, command: 'uptime' } }
  const hello = { name: 'echo', arguments: { text: 'hello' } }
  return [
    { name: 'floor', server: echo, port: echoPort, request: post('/bare', {}, { text: 'hello' }) },
    { name: 'peer, 2025', server: echo, port: echoPort, request: await legacyCall(load, echoPort, {}, hello) },
    { name: 'ours, 2025', server: central, port, request: await legacyCall(load, port, headers, uptime) },
    { name: 'peer, 2026', server: echo, port: echoPort, request: modernCall({}, hello) },
    { name: 'ours, 2026', server: central, port, request: modernCall(headers, uptime) },
  ]
}

async function measure(sides: { agent: Side; load: Side }, target: Target, inFlight: number): Promise<Measured> {
  const cpu = () => Promise.all([target.server.ask<number>('cpu'), sides.agent.ask<number>('cpu')])
  const [server, agent] = await cpu()
  const { port, request } = target
  const report = await sides.load.ask<LoadReport>('load', { port, request, inFlight, ms: ROUND_MS } satisfies LoadOrder)
  const [serverAfter, agentAfter] = await cpu()
  const { calls } = report
  return { ...report, serverCpu: (serverAfter - server) / calls, agentCpu: (agentAfter - agent) / calls }
}

type Rounds = Map<string, Measured[]>
const key = (name: string, inFlight: number) => `${name} ${inFlight}`

async function measureAll(sides: { agent: Side; load: Side }, targets: readonly Target[]): Promise<Rounds> {
  const rounds: Rounds = new Map()
  for (const { port, request } of targets) {
    await sides.load.ask('load', {
      port,
      request,
      inFlight: 16,
      ms: WARM_UP.ms,
      most: WARM_UP.calls,
    } satisfies LoadOrder)
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const inFlight of IN_FLIGHT) {
      for (const target of targets) {
        const measured = await measure(sides, target, inFlight)
        const slot = key(target.name, inFlight)
        rounds.set(slot, [...(rounds.get(slot) ?? []), measured])
      }
    }
  }
  return rounds
}

function rowsOf(rounds: Rounds): Row[] {
  const of = (name: Target['name'], inFlight: number) => rounds.get(key(name, inFlight)) ?? []
  const ratios = (generation: '2025' | '2026') =>
    of(`ours, ${generation}`, 16).map(
      ({ perSecond }, round) => perSecond / (of(`peer, ${generation}`, 16)[round]?.perSecond ?? Number.NaN),
    )
  const effort = (generation: '2025' | '2026') =>
    of(`ours, ${generation}`, 16).map(
      ({ serverCpu }, round) => serverCpu / (of(`peer, ${generation}`, 16)[round]?.serverCpu ?? Number.NaN),
    )
  const added = (generation: '2025' | '2026') =>
    of(`ours, ${generation}`, 1).map(({ p50 }, round) => p50 - (of(`peer, ${generation}`, 1)[round]?.p50 ?? Number.NaN))
  const gates = (['2025', '2026'] as const).flatMap((generation) => [
    judged(
      {
        name: `ours / SDK echo at 16, protocol of ${generation}`,
        values: ratios(generation),
        unit: '×',
        note: 'gate 0.4, goal 0.6, stretch 0.8',
      },
      { gate: 0.4, goal: 0.6, better: 'higher' },
    ),
    { name: `CPU of a call at 16, Central / SDK echo, ${generation}`, values: effort(generation), unit: '×' },
    judged(
      {
        name: `ours - SDK echo, p50 alone, protocol of ${generation}`,
        values: added(generation),
        unit: 'ms',
        note: 'gate 0.9',
      },
      { gate: 0.9, better: 'lower' },
    ),
  ])
  return [
    ...gates,
    ...[...rounds.keys()]
      .sort((a, b) => Number(a.split(' ').at(-1)) - Number(b.split(' ').at(-1)))
      .flatMap((slot) => detail(slot, rounds.get(slot) ?? [])),
  ]
}

function detail(slot: string, measured: readonly Measured[]): Row[] {
  const name = slot.replace(/ (\d+)$/, (_, n) => (n === '1' ? ', alone' : `, ${n} in flight`))
  const agent = median(measured.map(({ agentCpu }) => agentCpu))
  const cpu = `CPU ${Math.round(median(measured.map(({ serverCpu }) => serverCpu)))} µs a call${slot.startsWith('ours') ? ` + agent ${Math.round(agent)} µs` : ''}, p50 ${median(measured.map(({ p50 }) => p50)).toFixed(2)} ms, p99 ${median(measured.map(({ p99 }) => p99)).toFixed(1)} ms`
  return [{ name, values: measured.map(({ perSecond }) => perSecond), unit: '/s', note: cpu }]
}

export async function fullCall(): Promise<Line> {
  const [central, agent, echo, load] = await Promise.all(
    ['central', 'agent', 'echo', 'load'].map((name) => startSide(name)),
  )
  if (!central || !agent || !echo || !load) throw new Error('a side is missing')
  try {
    const rounds = await measureAll({ agent, load }, await targetsOf({ central, agent, echo, load }))
    return {
      title: '1. A full read tool call: token, plan, policy, durable audit, agent over mTLS, redaction',
      notes: [
        "floor: a bare Fastify JSON route. peer: the SDK's echo tool over the same transport (2025: a session; 2026: stateless).",
        'ours: mttrly_execute_command "uptime" with an OAuth access token; SQLite on disk, two audit lines a call, both flushed before the answer; the lane',
        'on the agent is replaced by an answer of 2 KB through the real redactor, so this is Central and the link, without a process start.',
      ],
      rows: rowsOf(rounds),
    }
  } finally {
    await agent.end()
    await central.ask('stop')
    await Promise.all([central, echo, load].map((side) => side.end()))
  }
}
