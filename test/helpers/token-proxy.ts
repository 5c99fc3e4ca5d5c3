// A reverse proxy that adds a bearer token, for programs that know MCP and no authorization.
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'

export async function startTokenProxy() {
  let target: { port: number; token: string } | undefined
  const server = createServer((incoming, outgoing) => {
    if (!target) return outgoing.writeHead(503).end()
    const headers = { ...incoming.headers, authorization: `Bearer ${target.token}` }
    const { method, url } = incoming
    const onward = httpRequest({ host: '127.0.0.1', port: target.port, method, path: url, headers, setHost: false })
    onward.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://localhost:${port}`,
    aim: (to: { port: number; token: string }) => {
      target = to
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
