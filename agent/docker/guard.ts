// The only way from this process to a container engine. It sees each request as it will stand on the wire, and opens a
// connection for that one alone; without its word there is no connection.
import { Agent, type AgentOptions, type ClientRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { refusalOf } from './allowed.ts'

export class NotAllowed extends Error {
  override name = 'NotAllowed'
}

/** What Node calls for each request, and its types leave out. */
type Adding = { addRequest(request: Request, options: AgentOptions): void }
type Request = Omit<ClientRequest, 'onSocket'> & { onSocket(socket: Socket | null, error?: Error): void }

export function createGuard(socketPath: string): Agent {
  const agent = new Agent({ keepAlive: false }) as Agent & Adding
  const add = agent.addRequest.bind(agent)
  let passed = 0

  agent.addRequest = (request, options) => {
    // Headers given as a list are written out already, and cannot be looked at.
    const headers = request.headersSent ? ['transfer-encoding'] : request.getHeaderNames()
    const why = refusalOf({ method: request.method, path: request.path, headers })
    if (why !== undefined) {
      // Without a socket nobody but this tells whoever waits.
      request.onSocket(null, new NotAllowed(`the engine was not asked: ${why}`))
      return
    }
    // What followed in a body would be a request of its own.
    request.setHeader('Content-Length', '0')
    Object.assign(request, { strictContentLength: true })
    passed += 1
    add(request, options)
  }
  agent.createConnection = (): Socket => {
    if (passed === 0) throw new NotAllowed('the engine was not asked: not through the table')
    passed -= 1
    return connect({ path: socketPath })
  }
  return agent
}
