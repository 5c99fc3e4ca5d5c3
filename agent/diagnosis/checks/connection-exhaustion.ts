// Connections that run out: a queue of a listener that is full, ports for outgoing ones, and connections that a program never closes.
import { netFile } from '../../reality/kernel/sockets.ts'
import type { Check, Facts } from '../check.ts'
import { percent } from '../figures.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { watchUnits } from '../units.ts'

const NEAR = 0.9
const UNCLOSED = 100
const JUST_NOW_MS = 5 * 60_000
const SHORTLY_MS = 15 * 60_000
const LISTEN = '0A'
const CLOSE_WAIT = '08'
/** What a program or the kernel says of it. */
const COMPLAINT =
  /worker_connections are not enough|connect.*(?:cannot assign requested address|eaddrnotavail)|possible syn flooding|too many orphaned sockets|server reached MaxRequestWorkers|reached (?:pm\.)?max_children|maxconn reached|no free (?:slots|workers)|backlog (?:is )?full|too many connections, rejecting/i
/** The kernel's word for one burst; a queue that overflows now is seen as such. */
const BURST = /possible syn flooding/i

export type Socket = { port: number; remote: string; state: string; waiting: number }

/** /proc/net/tcp and tcp6. Of a listener, the second queue is how many wait to be accepted. */
export const parseTcp = (text: string): Socket[] =>
  text.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state = '', queued = ''] = line.trim().split(/\s+/)
    const port = /^[0-9A-F]+:([0-9A-F]{4})$/.exec(local)?.[1]
    if (port === undefined) return []
    return [
      { port: Number.parseInt(port, 16), remote, state, waiting: Number.parseInt(queued.split(':')[1] ?? '0', 16) },
    ]
  })

/** `ss -Hltn`: state, waiting, room, local address. */
export const parseRoom = (text: string): Map<number, number> =>
  new Map(
    text.split('\n').flatMap((line): [number, number][] => {
      const [state, , room, local = ''] = line.trim().split(/\s+/)
      const port = /:(\d+)$/.exec(local)?.[1]
      return state === 'LISTEN' && port ? [[Number(port), Number(room)]] : []
    }),
  )

const readTcp = ({ host }: Facts): Socket[] => [...parseTcp(netFile(host, 'tcp')), ...parseTcp(netFile(host, 'tcp6'))]

function ownerOfPort({ reality }: Facts, port: number): string {
  const listener = reality.listeners.find((each) => each.port === port && each.protocol === 'tcp')
  return listener?.owner?.name || listener?.process || `port ${port}`
}

/** Full at both looks: who accepts has it empty again at once. */
function backlogs(facts: Facts, first: readonly Socket[], last: readonly Socket[], room: ReadonlyMap<number, number>) {
  const isFull = ({ port, waiting, state }: Socket): boolean =>
    state === LISTEN && waiting >= Math.max(1, room.get(port) ?? Number.POSITIVE_INFINITY)
  const before = new Set(first.filter(isFull).map(({ port }) => port))
  return last
    .filter((socket) => isFull(socket) && before.has(socket.port))
    .map(({ port, waiting }) => {
      const subject = ownerOfPort(facts, port)
      return finding({
        cause: 'CONNECTION_EXHAUSTION',
        subject,
        title: `The queue of port ${port} is full: ${subject} does not accept the connections that come`,
        severity: 'high',
        confidence: 0.9,
        evidence: [
          seen(
            '/proc/net/tcp',
            facts.now,
            `port ${port}: ${waiting} wait to be accepted, there is room for ${room.get(port)}`,
          ),
        ],
        next: [next.run('ss -ltn', 'The queues'), next.journal(subject, 'Why it does not accept')],
      })
    })
}

function outgoing(facts: Facts, sockets: readonly Socket[]) {
  const [low = 32_768, high = 60_999] = facts.host
    .text('/proc/sys/net/ipv4/ip_local_port_range')
    .trim()
    .split(/\s+/)
    .map(Number)
  const ports = high - low + 1
  const used = sockets.filter(({ port, state }) => state !== LISTEN && port >= low && port <= high)
  // The same port serves again for another peer.
  const [remote, most] =
    [...Map.groupBy(used, (each) => each.remote)].toSorted((a, b) => b[1].length - a[1].length)[0] ?? []
  if (!remote || !most || most.length / ports < NEAR) return []
  return [
    finding({
      cause: 'CONNECTION_EXHAUSTION',
      subject: 'ip_local_port_range',
      title: `${most.length} of ${ports} local ports (${percent(most.length / ports)}) are taken by connections to one address`,
      severity: 'high',
      confidence: 0.9,
      evidence: [
        seen('/proc/net/tcp', facts.now, `${most.length} of the ports ${low} to ${high}, in states ${states(most)}`),
      ],
      next: [next.run('ss -tan', 'The connections')],
    }),
  ]
}

const states = (sockets: readonly Socket[]): string =>
  [...Map.groupBy(sockets, ({ state }) => state)].map(([state, those]) => `${state}: ${those.length}`).join(', ')

/** The other end has closed long ago. */
function unclosed(facts: Facts, sockets: readonly Socket[]) {
  const byPort = Map.groupBy(
    sockets.filter(({ state }) => state === CLOSE_WAIT),
    ({ port }) => port,
  )
  return [...byPort].flatMap(([port, those]) => {
    if (those.length < UNCLOSED) return []
    const subject = ownerOfPort(facts, port)
    return finding({
      cause: 'CONNECTION_EXHAUSTION',
      subject,
      title: `${subject} does not close ${those.length} connections that the other end has closed`,
      severity: those.length >= UNCLOSED * 5 ? 'high' : 'medium',
      confidence: 0.85,
      evidence: [seen('/proc/net/tcp', facts.now, `port ${port}: ${those.length} in CLOSE_WAIT`)],
      next: [next.run('ss -tanp state close-wait', 'Which process')],
    })
  })
}

const isInFile = ({ identifier }: { identifier: string }): boolean => identifier.startsWith('/')

async function complaints(facts: Facts) {
  const [watched, recent, kernel] = await Promise.all([
    watchUnits(facts),
    facts.journal('recent'),
    facts.journal('kernel'),
  ])
  // What a server says in a file of its own counts as well.
  const lines = [...watched.flatMap((each) => each.lines.filter(isInFile)), ...recent, ...kernel].filter(
    ({ at, text }) => at > facts.now - SHORTLY_MS && COMPLAINT.test(text),
  )
  return [...Map.groupBy(lines, ({ unit, identifier }) => unit || identifier)].map(([subject, those]) => {
    const lasting = those.filter(({ text }) => !BURST.test(text))
    return finding({
      cause: 'CONNECTION_EXHAUSTION',
      subject,
      title: `${subject} says that it has no more connections`,
      severity: lasting.length > 1 || lasting.some(({ at }) => at > facts.now - JUST_NOW_MS) ? 'high' : 'medium',
      confidence: 0.75,
      evidence: those.slice(-3).map(quoted),
      next: [next.run('ss -s', 'How many there are'), next.journal(subject)],
    })
  })
}

export const connectionExhaustion: Check = {
  name: 'connection-exhaustion',
  topics: ['network', 'web', 'database'],
  async run(facts) {
    const [[first, last], queues] = await Promise.all([facts.twice(() => readTcp(facts)), facts.run('listen_queues')])
    const found = [
      ...backlogs(facts, first, last, parseRoom(queues ?? '')),
      ...outgoing(facts, last),
      ...unclosed(facts, last),
    ]
    const known = new Set(found.map(({ subject }) => subject))
    return [...found, ...(await complaints(facts)).filter(({ subject }) => !known.has(subject))]
  },
}
