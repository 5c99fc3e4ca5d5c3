// The shop: a page, a session store in Redis, and pictures that customers upload.
import { readFileSync, writeFile } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'

const { SHOP_CONFIG, REDIS_PORT, UPLOADS } = process.env
const config = JSON.parse(readFileSync(SHOP_CONFIG, 'utf8'))

/** Resolves with what Redis says, or why it does not. */
const askRedis = () =>
  new Promise((resolve) => {
    const socket = connect(Number(REDIS_PORT), '127.0.0.1', () => socket.write('PING\r\n'))
    socket.setTimeout(1_000, () => socket.destroy(new Error('redis does not answer')))
    socket.once('data', (data) => socket.end(() => resolve(String(data).trim())))
    socket.once('error', (error) => resolve(error.message))
    socket.once('close', () => resolve('redis closed the connection'))
  })

const pages = {
  '/': async () => ({ status: 200, body: config.title }),
  '/health': async () => {
    const redis = await askRedis()
    return { status: redis === '+PONG' ? 200 : 500, body: JSON.stringify({ redis }) }
  },
}
createServer(async ({ url }, response) => {
  const { status, body } = await (pages[url] ?? (async () => ({ status: 404, body: 'not found' })))()
  if (status === 500) console.error(`${url} failed: ${body}`)
  response.writeHead(status).end(`${body}\n`)
}).listen(config.port, config.address, () => console.log(`shop listens on ${config.address}:${config.port}`))

setInterval(() => {
  writeFile(`${UPLOADS}/thumbnail.tmp`, 'x'.repeat(8_192), (error) => {
    if (error) console.error(`upload failed: ${error.message}`)
  })
}, 500)
