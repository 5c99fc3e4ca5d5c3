// The client side of line 1: keeps a number of requests in flight, one a connection, over plain sockets, so that it costs
// little beside what it measures.
import { connect, type Socket } from 'node:net'
import { answer } from './process.ts'

export type LoadRequest = { method: string; path: string; headers: Record<string, string>; body: string }
export type LoadOrder = {
  port: number
  inFlight: number
  ms: number
  request: LoadRequest /** Ends earlier after so many calls. */
  most?: number
}
/** Milliseconds; `perSecond` counts what was answered. */
export type LoadReport = { calls: number; perSecond: number; p50: number; p99: number }
export type Answered = { status: number; headers: string; body: string }

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n')

function bytesOf(port: number, { method, path, headers, body }: LoadRequest): Buffer {
  const all = { host: `localhost:${port}`, 'content-length': String(Buffer.byteLength(body)), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

/** One connection that has one request under way at a time. */
function openConnection(port: number): { ask(request: Buffer): Promise<Answered>; close(): void } {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let got: Buffer = Buffer.alloc(0)
  let settle: { resolve(answered: Answered): void; reject(error: Error): void } | undefined
  const fail = (error: Error): void => settle?.reject(error)
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection was closed')))
  socket.on('data', (data) => {
    got = got.length === 0 ? data : Buffer.concat([got, data])
    const answered = complete(got)
    if (!answered) return
    got = Buffer.alloc(0)
    settle?.resolve(answered)
  })
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject }
        socket.write(request)
      }),
    close: () => {
      socket.removeAllListeners('close')
      socket.destroy()
    },
  }
}

/** The whole answer, once it is there: by its length, or by its last chunk. */
function complete(got: Buffer): Answered | undefined {
  const end = got.indexOf(END_OF_HEAD)
  if (end < 0) return undefined
  const head = got.toString('latin1', 0, end)
  const start = end + END_OF_HEAD.length
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined ? !got.subarray(start - 2).includes(LAST_CHUNK) : got.length < start + Number(length)) {
    return undefined
  }
  return { status: Number(head.slice(9, 12)), headers: head, body: got.toString('utf8', start) }
}

/** Ids must differ within a session: the body carries this number where each request gets one of its own. */
export const ANY_ID = 1_000_000_000
let lastId = ANY_ID

function createNumbering(bytes: Buffer): () => Buffer {
  const at = bytes.indexOf(String(ANY_ID))
  return () => {
    if (at >= 0) bytes.write(String(++lastId), at, 'latin1')
    return bytes
  }
}

async function once({ port, request }: { port: number; request: LoadRequest }): Promise<Answered> {
  const connection = openConnection(port)
  try {
    return await connection.ask(bytesOf(port, request))
  } finally {
    connection.close()
  }
}

async function load({ port, inFlight, ms, request, most = Number.POSITIVE_INFINITY }: LoadOrder): Promise<LoadReport> {
  const connections = Array.from({ length: inFlight }, () => openConnection(port))
  const times: number[] = []
  const start = performance.now()
  await Promise.all(
    connections.map(async ({ ask }) => {
      const next = createNumbering(bytesOf(port, request))
      for (let now = performance.now(); now - start < ms && times.length < most; ) {
        const { status, body } = await ask(next())
        if (status !== 200 || body.includes('"isError":true'))
          throw new Error(`answered ${status}: ${body.slice(0, 500)}`)
        const then = now
        now = performance.now()
        times.push(now - then)
      }
    }),
  )
  const took = performance.now() - start
  for (const { close } of connections) close()
  const sorted = Float64Array.from(times).sort()
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0
  return { calls: times.length, perSecond: (times.length / took) * 1_000, p50: at(0.5), p99: at(0.99) }
}

answer({ once, load })
