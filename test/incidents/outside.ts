// What a host of the incidents finds outside: a name server that knows every name, and Central, which is reached at this
// machine's own ports. Started by network.ts in a network namespace: `dns ADDRESS` or `ports SOCKETS PORT…`.
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { splice } from './splice.ts'

const [role, place = '', ...ports] = process.argv.slice(2)
const A = 1
const ANSWERED = 0x8180

/** The question again, and for an IPv4 address one answer: the place itself. */
function answerTo(query: Buffer): Buffer {
  let end = 12
  while (query[end] !== 0 && end < query.length) end += 1 + (query[end] ?? 0)
  const question = query.subarray(12, end + 5)
  const known = query.readUInt16BE(end + 1) === A
  const header = Buffer.from(query.subarray(0, 12))
  ;[ANSWERED, 1, known ? 1 : 0, 0, 0].forEach((value, at) => {
    header.writeUInt16BE(value, 2 + 2 * at)
  })
  const record = Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4, ...place.split('.').map(Number)])
  return Buffer.concat([header, question, ...(known ? [record] : [])])
}

if (role === 'dns') {
  const server = createSocket('udp4')
  server.on('message', (query, from) => {
    if (query.length > 16) server.send(answerTo(query), from.port, from.address)
  })
  server.bind(53, place, () => console.log('ready'))
} else {
  for (const port of ports)
    createServer((inner) => splice(inner, connect(`${place}/${port}`))).listen(Number(port), '127.0.0.1', () => {
      if (port === ports.at(-1)) console.log('ready')
    })
}
