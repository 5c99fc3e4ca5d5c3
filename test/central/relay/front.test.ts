import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, test } from 'node:test'
import tls from 'node:tls'
import { type BootedFleet, type BootOptions, bootFleet, until } from '../../helpers/fleet.ts'

const open: BootedFleet[] = []
const sockets: net.Socket[] = []
const boot = async (options?: BootOptions) => {
  const booted = await bootFleet(options)
  open.push(booted)
  return booted
}
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const booted of open.splice(0)) await booted.stop()
})

const knock = async ({ port }: BootedFleet): Promise<net.Socket> => {
  const socket = net.connect(port(), '127.0.0.1')
  socket.on('error', () => {})
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

const closed = (socket: net.Socket): Promise<void> =>
  socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()))

/** The first bytes of a TLS record that never ends. */
const HALF_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])

test('connections that say nothing keep nobody out, and go after a while', async () => {
  const booted = await boot({ limits: { handshakes: 2, handshakeWithin: 5_000, sweep: 1_000_000 } })
  const silent = await Promise.all(Array.from({ length: 20 }, () => knock(booted)))
  await booted.connected()
  booted.clock.advance(5_000)
  booted.relay().sweep()
  await Promise.all(silent.map(closed))
  assert.equal(booted.relay().counters().connected, 1)
})

test('handshakes that dawdle lose their place', async () => {
  const booted = await boot({ limits: { handshakes: 2, handshakePlace: 2_000, sweep: 1_000_000 } })
  const server = await booted.enrol()
  const dawdlers = await Promise.all(Array.from({ length: 2 }, () => knock(booted)))
  for (const socket of dawdlers) socket.write(HALF_HELLO)
  await until(() => booted.relay().counters().mostAtOnce === 2)
  const agent = booted.agent(server)
  const connected = agent.connect()
  booted.clock.advance(2_000)
  await until(() => {
    booted.relay().sweep()
    return booted.relay().counters().connected === 1
  })
  await connected
})

test('a stranger beyond the bound is turned away at once', async () => {
  const booted = await boot({ limits: { strangers: 3 } })
  await Promise.all(Array.from({ length: 3 }, () => knock(booted)))
  const fourth = await knock(booted)
  await closed(fourth)
  assert.equal(booted.relay().counters().turnedAway, 1)
})

test('no client certificate, an older TLS, or another protocol: no connection', async () => {
  const booted = await boot()
  const server = await booted.enrol()
  const ca = booted.keys.ca.certificatePem
  const credentials = { key: server.keyPem, cert: server.certificatePem }
  const attempts: tls.ConnectionOptions[] = [
    { ALPNProtocols: ['h2'] },
    { ...credentials, ALPNProtocols: ['h2'], maxVersion: 'TLSv1.2' },
    { ...credentials, ALPNProtocols: ['http/1.1'] },
    { ...credentials },
  ]
  for (const options of attempts) {
    const socket = tls.connect({ port: booted.port(), host: '127.0.0.1', servername: 'localhost', ca, ...options })
    sockets.push(socket)
    socket.on('error', () => {})
    socket.resume()
    await closed(socket)
  }
})

test('a connection without a stream goes after a while, and so does one whose stream has ended', async () => {
  const booted = await boot({ limits: { helloWithin: 3_000, lingering: 1_000, sweep: 1_000_000 } })
  const server = await booted.enrol()
  const idle = tls.connect({
    port: booted.port(),
    host: '127.0.0.1',
    servername: 'localhost',
    ca: booted.keys.ca.certificatePem,
    key: server.keyPem,
    cert: server.certificatePem,
    ALPNProtocols: ['h2'],
  })
  sockets.push(idle)
  idle.on('error', () => {})
  idle.resume()
  await once(idle, 'secureConnect')
  await until(() => booted.relay().counters().handshakes === 1)
  booted.clock.advance(3_000)
  booted.relay().sweep()
  await closed(idle)
})
