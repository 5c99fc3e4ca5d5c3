// Orders of the shop, kept in PostgreSQL, which is spoken to in its own protocol as far as "who are you" and "come in".
import { createServer } from 'node:http'
import { connect } from 'node:net'

const { ORDERS_ADDRESS, ORDERS_PORT, DATABASE_SOCKET } = process.env
if (!DATABASE_SOCKET) throw new Error('DATABASE_SOCKET is not set')

const WORDS = Buffer.from('user\0orders\0database\0orders\0\0')
const HELLO = Buffer.alloc(8)
HELLO.writeInt32BE(8 + WORDS.length)
HELLO.writeInt32BE(196_608, 4)

const READY = 'Z\0\0\0\u0005I'
const GOODBYE = Buffer.from([0x58, 0, 0, 0, 4])

/** Resolves with undefined when the database lets us in, or why it does not. */
const enter = () =>
  new Promise((resolve) => {
    const socket = connect(DATABASE_SOCKET, () => socket.write(Buffer.concat([HELLO, WORDS])))
    socket.setTimeout(2_000, () => socket.destroy(new Error('the database does not answer')))
    let said = ''
    socket.on('data', (data) => {
      said += data.toString('latin1')
      const refused = /\0M([^\0]+)\0/.exec(said)?.[1]
      if (refused === undefined && !said.endsWith(READY)) return
      resolve(refused)
      socket.end(GOODBYE)
    })
    socket.once('error', (error) => resolve(error.message))
  })

createServer(async ({ url }, response) => {
  const refused = url === '/health' || url === '/' ? await enter() : 'no such page'
  if (refused && url !== '/favicon.ico') console.error(`${url}: ${refused}`)
  response.writeHead(refused ? 500 : 200).end(`${JSON.stringify({ database: refused ?? 'ok' })}\n`)
}).listen(Number(ORDERS_PORT), ORDERS_ADDRESS, () => console.log(`orders listens on ${ORDERS_ADDRESS}:${ORDERS_PORT}`))
