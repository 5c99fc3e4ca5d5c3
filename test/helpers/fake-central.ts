// A stand-in for Central for the agent's tests: a real CA, a real enrolment door and a real grpc-js mTLS server, which do
// what the test says and no more.
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js'
import { type EnrolmentAnswer, formatInstallToken } from '#proto/contract/enrolment.ts'
import { type Grant, signGrant } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { type MethodName, type Methods, methodCodecs } from '#proto/contract/methods.ts'
import { linkService } from '#proto/contract/wire.ts'
import type { AgentFrame__Output } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { CentralFrame } from '#proto/gen/mttrly/agent/v1/CentralFrame.ts'
import type { RunOutcome__Output } from '#proto/gen/mttrly/agent/v1/RunOutcome.ts'
import { createAuthority, openCa } from '../../central/fleet/ca.ts'

type Stream = ServerDuplexStream<AgentFrame__Output, CentralFrame>
export type Reply = {
  body?: RunOutcome__Output
  failure?: { code: string; details: Record<string, unknown> }
  output: Buffer
  offsets: number[]
}
type Waiting = {
  method: MethodName
  chunks: Buffer[]
  offsets: number[]
  credit: boolean
  onChunk?: (offset: number, data: Buffer) => void
  resolve(reply: Reply): void
  reject(error: Error): void
}
type Enrolled = { status?: number; body: unknown }
export type Connected = Awaited<ReturnType<FakeCentral['agent']>>
export type FakeCentral = Awaited<ReturnType<typeof startFakeCentral>>

export const WORKSPACE = `wsp_${'a'.repeat(32)}`
export const newId = (prefix: string): string => `${prefix}_${randomBytes(16).toString('hex')}`

function connection(stream: Stream, hello: NonNullable<AgentFrame__Output['hello']>) {
  const waiting = new Map<string, Waiting>()
  const sent = new Map<string, CentralFrame>()
  const seen: AgentFrame__Output[] = []
  const watchers = new Set<() => void>()
  let closed = false
  const send = (frame: CentralFrame): void => void stream.write(frame)
  const notice = (frame: AgentFrame__Output): void => {
    seen.push(frame)
    for (const watcher of [...watchers]) watcher()
    if (frame.ping) send({ pong: { sentAt: frame.ping.sentAt } })
    if (frame.chunk) {
      const entry = waiting.get(frame.chunk.requestId)
      entry?.chunks.push(frame.chunk.data)
      entry?.offsets.push(frame.chunk.offset)
      entry?.onChunk?.(frame.chunk.offset, frame.chunk.data)
      if (entry?.credit) send({ credit: { requestId: frame.chunk.requestId, bytes: frame.chunk.data.length } })
    }
    const { response } = frame
    if (!response) return
    const entry = waiting.get(response.requestId)
    if (!entry) return
    waiting.delete(response.requestId)
    const output = { output: Buffer.concat(entry.chunks), offsets: entry.offsets }
    if (response.failure) {
      const { code, detailsJson } = response.failure
      entry.resolve({ failure: { code, details: JSON.parse(detailsJson) }, ...output })
    } else {
      const body = methodCodecs
        .get(entry.method)
        ?.response.decode(response.body ?? Buffer.alloc(0)) as RunOutcome__Output
      entry.resolve({ body, ...output })
    }
  }
  const close = (): void => {
    closed = true
    for (const entry of waiting.values()) entry.reject(new Error('the stream was lost'))
    for (const watcher of [...watchers]) watcher()
  }
  stream.on('data', notice)
  stream.on('error', close)
  stream.on('end', () => {
    close()
    stream.end()
  })
  stream.on('close', close)
  stream.on('cancelled', close)
  return {
    hello,
    send,
    seen,
    isClosed: () => closed,
    request<M extends MethodName>(
      method: M,
      request: Methods[M]['request'],
      options: { id?: string; startBefore?: number; credit?: boolean; onChunk?: Waiting['onChunk'] } = {},
    ): Promise<Reply> {
      const id = options.id ?? newId('req')
      const body = methodCodecs.get(method)?.request.encode(request) ?? Buffer.alloc(0)
      const { promise, resolve, reject } = Promise.withResolvers<Reply>()
      const entry: Waiting = { method, chunks: [], offsets: [], credit: options.credit ?? true, resolve, reject }
      if (options.onChunk) entry.onChunk = options.onChunk
      waiting.set(id, entry)
      const frame = {
        request: { id, method, body, startBefore: options.startBefore ?? Date.now() + LIMITS.startWithin },
      }
      sent.set(id, frame)
      send(frame)
      return promise
    },
    /** Sends a request's frame once more. */
    repeat: (id: string): void => send(sent.get(id) ?? {}),
    /** Resolves with the first frame, past or coming, that the test looks for. */
    frame(wanted: (frame: AgentFrame__Output) => boolean): Promise<AgentFrame__Output> {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const found = seen.find(wanted)
          if (!found && !closed) return
          watchers.delete(look)
          if (found) resolve(found)
          else reject(new Error('the stream was lost'))
        }
        watchers.add(look)
        look()
      })
    },
    closed: (): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (closed) resolve()
        }
        watchers.add(look)
        look()
      }),
    /** Breaks the stream off. */
    cut: (): void => void stream.emit('error', Object.assign(new Error('cut'), { code: status.UNAVAILABLE })),
  }
}

export async function startFakeCentral(
  options: { issuedAgo?: number; enrolment?: (answer: EnrolmentAnswer) => Enrolled | Promise<Enrolled> } = {},
) {
  const clock = { now: () => Date.now() }
  const authority = await createAuthority(clock)
  const ca = await openCa(authority, clock)
  const enrolling = await openCa(authority, { now: () => Date.now() - (options.issuedAgo ?? 0) })
  const linkPair = await ca.issueLink({ dns: ['localhost'], ip: ['127.0.0.1'] })
  const actionKey = generateKeyPairSync('ed25519')
  const agents: ReturnType<typeof connection>[] = []
  const arrivals = new Set<() => void>()
  const serials: string[] = []
  let accept = true

  const grpc = new Server({ 'grpc.max_receive_message_length': LIMITS.message })
  grpc.addService(
    linkService as never,
    {
      connect(stream: Stream) {
        stream.on('error', () => {})
        if (!accept) return void stream.destroy()
        stream.once('data', (frame: AgentFrame__Output) => {
          if (!frame.hello) return void stream.destroy()
          const certificate = stream.getAuthContext()?.sslPeerCertificate?.serialNumber
          if (certificate) serials.push(certificate)
          const agent = connection(stream, frame.hello)
          agent.send({
            welcome: { serverId, capabilityVersion: 1, heartbeatMs: LIMITS.heartbeat, initialCredit: LIMITS.credit },
          })
          agents.push(agent)
          for (const arrival of [...arrivals]) arrival()
        })
      },
    } as never,
  )
  const secure = ServerCredentials.createSsl(
    Buffer.from(authority.certificatePem),
    [{ private_key: Buffer.from(linkPair.keyPem), cert_chain: Buffer.from(linkPair.certificatePem) }],
    true,
  )
  const port = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', secure, (error, bound) => (error ? reject(error) : resolve(bound))),
  )
  const serverId = newId('srv')
  const linkAddress = `127.0.0.1:${port}`

  const http: HttpServer = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { csr_pem: csrPem } = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    const issued = await enrolling.issueAgent(csrPem, { workspaceId: WORKSPACE, serverId })
    if ('refused' in issued) return void response.writeHead(400).end(JSON.stringify({ code: 'VALIDATION_ERROR' }))
    const answer: EnrolmentAnswer = {
      server_id: serverId,
      certificate_pem: issued.certificatePem,
      ca_pem: ca.certificatePem,
      link_address: linkAddress,
      action_key_pem: actionKey.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    }
    const { status: code = 200, body } = (await options.enrolment?.(answer)) ?? { body: answer }
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const fingerprint = createHash('sha256').update(new X509Certificate(ca.certificatePem).raw).digest('hex')

  const grantOf = (over: Partial<Grant> = {}): Grant => ({
    version: 1,
    action_id: newId('act'),
    server_id: serverId,
    kind: 'command',
    argv: ['/bin/true'],
    cwd: '/',
    env: {},
    user: '',
    terminal: false,
    timeout_ms: 20_000,
    start_before: Date.now() + LIMITS.startWithin,
    nonce: randomBytes(16).toString('base64url'),
    ...over,
  })
  return {
    ca,
    serverId,
    linkAddress,
    actionKeyPem: createPublicKey(actionKey.privateKey).export({ type: 'spki', format: 'pem' }).toString(),
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    token: formatInstallToken({ secret: randomBytes(32).toString('base64url'), caFingerprint: fingerprint }),
    serials,
    agents,
    grantOf,
    /** A grant as the link carries it, under the action's id. */
    granted(over: Partial<Grant> = {}, key = actionKey.privateKey) {
      const grant = grantOf(over)
      return { id: grant.action_id, grant, request: { ...signGrant(grant, key), outputFrom: 0 } }
    },
    /** A certificate for a renewal. @throws Error when the request is refused */
    async certify(csrPem: string): Promise<string> {
      const issued = await ca.issueAgent(csrPem, { workspaceId: WORKSPACE, serverId })
      if ('refused' in issued) throw new Error(issued.refused)
      return issued.certificatePem
    },
    accepting(yes: boolean): void {
      accept = yes
    },
    /** The n-th agent that says hello; the next one by default. */
    async agent(number = agents.length + 1): Promise<ReturnType<typeof connection>> {
      for (;;) {
        const found = agents[number - 1]
        if (found) return found
        await new Promise<void>((resolve) => {
          const arrival = (): void => {
            arrivals.delete(arrival)
            resolve()
          }
          arrivals.add(arrival)
        })
      }
    },
    async stop(): Promise<void> {
      grpc.forceShutdown()
      http.closeAllConnections()
      await new Promise<void>((resolve) => http.close(() => resolve()))
    },
  }
}
