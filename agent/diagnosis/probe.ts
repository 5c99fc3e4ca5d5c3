// Whether something answers: on this host's own addresses, and the name servers that it is configured to ask. Nothing that a
// caller says is sent anywhere: a question's words do not come here.
import { createSocket } from 'node:dgram'
import { connect, isIP, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { connect as connectTls } from 'node:tls'
import type { Answered, Target } from './check.ts'

const TURNS = 10
const TURN_MS = 100
const STATUS_MAX = 4_096

const isLoopback = (address: string): boolean => /^127\./.test(address) || address === '::1'

function ownAddress(address: string): string | undefined {
  if (address === '0.0.0.0' || address === '*') return '127.0.0.1'
  if (address === '::') return '::1'
  if (isLoopback(address)) return address
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return own.some((each) => each.address === address) ? address : undefined
}

export async function probe({ port, address, http, tls }: Target): Promise<Answered> {
  const host = ownAddress(address)
  if (host === undefined) return { ok: false, why: 'not an address of this host' }
  const socket = tls === undefined ? connect({ host, port }) : handshake({ host, port, servername: tls })
  try {
    const opened = await once(socket, tls === undefined ? 'connect' : 'secureConnect')
    if (opened !== true) return { ok: false, why: opened }
    const certificate = tls === undefined ? undefined : certificateOf(socket)
    if (http === undefined) return { ok: true, why: 'connected', ...(certificate && { certificate }) }
    return { ...(await statusOf(socket, http, tls)), ...(certificate && { certificate }) }
  } finally {
    socket.destroy()
  }
}

/** What it shows is what is looked at; whether it is to be trusted is for whoever looks. */
const handshake = (to: { host: string; port: number; servername: string }): Socket =>
  connectTls({ ...to, servername: isIP(to.servername) ? '' : to.servername, rejectUnauthorized: false })

function certificateOf(socket: Socket): Answered['certificate'] {
  const shown = (socket as ReturnType<typeof connectTls>).getPeerX509Certificate()
  if (!shown) return undefined
  return {
    subject: shown.subject ?? '',
    names: (shown.subjectAltName ?? '').split(', ').filter(Boolean),
    notBefore: Date.parse(shown.validFrom),
    notAfter: Date.parse(shown.validTo),
  }
}

/**
 * Waits a second, in turns that this process really had: one that is kept from its processor cannot hear an answer, and what has come
 * meanwhile is heard first.
 */
function patience(over: () => void, half?: () => void): () => void {
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
    if (turns === TURNS / 2) half?.()
    if (turns < TURNS) return
    clearInterval(timer)
    setImmediate(over)
  }, TURN_MS)
  return () => clearInterval(timer)
}

async function once(socket: Socket, event: string): Promise<true | string> {
  const { promise, resolve } = Promise.withResolvers<true | string>()
  const end = patience(() => resolve('no answer'))
  socket.once(event, () => resolve(true))
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'failed'))
  socket.once('close', () => resolve('closed'))
  return promise.finally(end)
}

async function statusOf(socket: Socket, path: string, name = 'localhost'): Promise<Answered> {
  const line = /^\/[\w./~-]{0,200}$/.test(path) ? path : '/'
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  const end = patience(() => resolve(text))
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    if (text.includes('\r\n') || text.length > STATUS_MAX) resolve(text)
  })
  socket.on('close', () => resolve(text))
  socket.on('error', () => resolve(text))
  socket.write(`GET ${line} HTTP/1.1\r\nHost: ${name}\r\nUser-Agent: mttrly-diagnosis\r\nConnection: close\r\n\r\n`)
  const status = Number(/^HTTP\/\d(?:\.\d)? (\d{3})/.exec(await promise.finally(end))?.[1])
  if (!status) return { ok: false, why: 'it accepts connections, and answers no HTTP' }
  return { ok: status < 500, status, why: `HTTP ${status}` }
}

/** The name servers of the root, which every resolver knows or refuses to say: even a refusal is an answer. */
const QUESTION = Buffer.from('6d740100000100000000000000000200 01'.replace(' ', ''), 'hex')

/** @param server from resolv.conf */
export function askResolver(server: string): Promise<Answered> {
  const kind = isIP(server.replace(/%.*$/, ''))
  if (kind === 0) return Promise.resolve({ ok: false, why: 'not an address' })
  return new Promise((resolve) => {
    const socket = createSocket(kind === 4 ? 'udp4' : 'udp6')
    let stop = (): void => {}
    let over = false
    const end = (answer: Answered): void => {
      if (over) return
      over = true
      stop()
      socket.removeAllListeners()
      socket.on('error', () => {})
      socket.close()
      resolve(answer)
    }
    socket.on('error', (error: NodeJS.ErrnoException) => end({ ok: false, why: error.code ?? 'failed' }))
    socket.on('message', (message) => {
      if (message.length < 12 || message.readUInt16BE(0) !== QUESTION.readUInt16BE(0)) return
      const status = (message[3] ?? 0) & 15
      end({ ok: status !== 2, status, why: status === 2 ? 'SERVFAIL: it reaches no other server' : 'it answers' })
    })
    // A connected socket is told when nothing listens there.
    socket.connect(53, server, () => {
      const ask = (): void => socket.send(QUESTION)
      ask()
      // A question, or its answer, can be lost on its way.
      stop = patience(() => end({ ok: false, why: 'no answer' }), ask)
    })
  })
}
