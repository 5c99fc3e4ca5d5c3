// The listener in front of grpc-js. It ends TLS itself, so that it can say how many handshakes run at once: a Central that
// has restarted under ten thousand agents must stay responsive for those that are already back. What passes is handed to
// grpc-js as a connection. A connection that says nothing costs no place, and none stays that does not open a stream.
import net, { type Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import type { Clock } from '../domain/clock.ts'
import type { KeyPairPem } from '../fleet/ca.ts'
import type { RelayLimits } from './limits.ts'

type Stranger = { socket: Socket; state: 'silent' | 'waiting' | 'shaking'; until: number }
/** `until` is null while the connection carries a stream. */
type Known = { socket: TLSSocket; until: number | null }

export type FrontOptions = {
  caPem: string
  link: KeyPairPem
  clock: Clock
  limits: RelayLimits
  onConnection: (socket: TLSSocket) => void
}

export function createFront({ caPem, link, clock, limits, onConnection }: FrontOptions) {
  const strangers = new Map<string, Stranger>()
  const waiting = new Set<Stranger>()
  const shaking = new Set<Stranger>()
  const known = new Map<string, Known>()
  const counters = { turnedAway: 0, handshakes: 0, failedHandshakes: 0, mostAtOnce: 0 }

  const handshaker = tls.createServer({
    ca: caPem,
    key: link.keyPem,
    cert: link.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    handshakeTimeout: limits.handshakeWithin,
  })
  handshaker.on('tlsClientError', (_error, socket) => {
    counters.failedHandshakes++
    socket.destroy()
  })
  handshaker.on('secureConnection', onSecure)

  const listener = net.createServer({ noDelay: true, keepAlive: true }, onStranger)

  function onStranger(socket: Socket): void {
    socket.on('error', () => {})
    const peer = peerOf(socket)
    if (strangers.size >= limits.strangers || !peer) {
      counters.turnedAway++
      socket.destroy()
      return
    }
    const stranger: Stranger = { socket, state: 'silent', until: clock.now() + limits.handshakeWithin }
    strangers.set(peer, stranger)
    socket.once('readable', () => {
      if (stranger.state !== 'silent' || socket.destroyed) return
      stranger.state = 'waiting'
      waiting.add(stranger)
      admit()
    })
    socket.once('close', () => {
      strangers.delete(peer)
      known.delete(peer)
      waiting.delete(stranger)
      giveBack(stranger)
    })
  }

  function admit(): void {
    for (const stranger of waiting) {
      if (shaking.size >= limits.handshakes) return
      waiting.delete(stranger)
      stranger.state = 'shaking'
      stranger.until = clock.now() + limits.handshakePlace
      shaking.add(stranger)
      counters.mostAtOnce = Math.max(counters.mostAtOnce, shaking.size)
      handshaker.emit('connection', stranger.socket)
    }
  }

  function giveBack(stranger: Stranger): void {
    if (shaking.delete(stranger)) admit()
  }

  function onSecure(socket: TLSSocket): void {
    counters.handshakes++
    socket.on('error', () => {})
    const peer = peerOf(socket)
    const stranger = peer && strangers.get(peer)
    if (!stranger || socket.alpnProtocol !== 'h2') {
      socket.destroy()
      return
    }
    strangers.delete(peer)
    known.set(peer, { socket, until: clock.now() + limits.helloWithin })
    giveBack(stranger)
    onConnection(socket)
  }

  return {
    counters,
    /** @throws Error when the address cannot be had */
    listen: (host: string, port: number): Promise<number> =>
      new Promise((resolve, reject) => {
        listener.once('error', reject)
        listener.listen(port, host, 4_096, () => {
          listener.off('error', reject)
          resolve((listener.address() as net.AddressInfo).port)
        })
      }),
    /** The connection of `peer` carries a stream from now on; false when it already does. */
    claim(peer: string): boolean {
      const connection = known.get(peer)
      if (!connection || connection.until === null) return false
      connection.until = null
      return true
    },
    /** The stream has ended; the agent may open another one soon, or the connection goes. */
    abandon(peer: string): void {
      const connection = known.get(peer)
      if (connection) connection.until = clock.now() + limits.lingering
    },
    sweep(): void {
      const now = clock.now()
      for (const stranger of shaking) if (stranger.until <= now) giveBack(stranger)
      for (const { socket, state, until } of strangers.values())
        if (state === 'silent' && until <= now) socket.destroy()
      for (const { socket, until } of known.values()) if (until !== null && until <= now) socket.destroy()
    },
    async close(): Promise<void> {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
      for (const { socket } of strangers.values()) socket.destroy()
      for (const { socket } of known.values()) socket.destroy()
      await closed
    },
  }
}

export type Front = ReturnType<typeof createFront>

/** Address and port of the other side, in the words of grpc-js's getPeer(). */
const peerOf = ({ remoteAddress, remotePort }: Socket): string | undefined =>
  remoteAddress && remotePort ? `${remoteAddress}:${remotePort}` : undefined
