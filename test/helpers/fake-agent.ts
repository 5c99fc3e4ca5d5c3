// An agent for tests, the load test and the benchmark: a real mTLS stream to the relay, with behaviour given by a script.
// It keeps no journal and runs nothing; many fit into one process.
import { type ClientDuplexStream, credentials, makeGenericClientConstructor, type StatusObject } from '@grpc/grpc-js'
import { CAPABILITY_VERSION } from '#proto/contract/capability-version.ts'
import { methodCodecs } from '#proto/contract/methods.ts'
import { linkService } from '#proto/contract/wire.ts'
import type { AgentFrame } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { CentralFrame__Output } from '#proto/gen/mttrly/agent/v1/CentralFrame.ts'
import type { FilesAnswer } from '#proto/gen/mttrly/agent/v1/FilesAnswer.ts'
import type { Heartbeat } from '#proto/gen/mttrly/agent/v1/Heartbeat.ts'
import type { Hello } from '#proto/gen/mttrly/agent/v1/Hello.ts'
import type { InstallationHealth } from '#proto/gen/mttrly/agent/v1/InstallationHealth.ts'
import type { Request__Output } from '#proto/gen/mttrly/agent/v1/Request.ts'
import type { RunOutcome } from '#proto/gen/mttrly/agent/v1/RunOutcome.ts'
import type { Welcome__Output } from '#proto/gen/mttrly/agent/v1/Welcome.ts'

type LinkStream = ClientDuplexStream<AgentFrame, CentralFrame__Output>
const LinkClient = makeGenericClientConstructor(linkService, 'Link')

export type AgentCredentials = { keyPem: string; certificatePem: string }

/** What a script may do with a request. */
export type RequestIo = {
  /** The decoded request message. */
  received: () => Record<string, unknown>
  respond: (answer: RunOutcome | InstallationHealth | FilesAnswer) => void
  fail: (code: string, details?: Record<string, unknown>) => void
  /** Sends a chunk at once, whatever the credit. */
  chunk: (offset: number, data: Buffer) => void
  /** Sends output in order, as far as the credit reaches, and waits for more. */
  output: (data: Buffer) => Promise<void>
  cancelled: Promise<void>
}

export type FakeAgentOptions = AgentCredentials & {
  port: number
  caPem: string
  hello?: Hello
  /** Without it the agent is silent. */
  onRequest?: (request: Request__Output, io: RequestIo) => void | Promise<void>
  /** Answers pings, unless false. */
  answersPings?: boolean
}

let instances = 0

export function createFakeAgent(options: FakeAgentOptions) {
  const instanceId = options.hello?.instanceId ?? `instance-${++instances}`
  const client = new LinkClient(
    `127.0.0.1:${options.port}`,
    credentials.createSsl(Buffer.from(options.caPem), Buffer.from(options.keyPem), Buffer.from(options.certificatePem)),
    {
      'grpc.ssl_target_name_override': 'localhost',
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      'grpc.enable_retries': 0,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    },
  )
  const frames: CentralFrame__Output[] = []
  const waiting: {
    matches: (frame: CentralFrame__Output) => boolean
    resolve: (frame: CentralFrame__Output) => void
  }[] = []
  const requests = new Map<string, { credit: number; wake: () => void; cancel: () => void }>()
  const ended = Promise.withResolvers<Pick<StatusObject, 'code' | 'details'>>()
  let stream: LinkStream | undefined
  let initialCredit = 0

  function open(): LinkStream {
    const opened: LinkStream = (client as unknown as { connect: () => LinkStream }).connect()
    opened.on('data', onFrame)
    opened.on('error', () => {})
    opened.on('status', ({ code, details }: StatusObject) => {
      ended.resolve({ code, details })
      for (const request of requests.values()) request.cancel()
    })
    return opened
  }

  function onFrame(frame: CentralFrame__Output): void {
    frames.push(frame)
    for (const waiter of waiting.filter(({ matches }) => matches(frame))) {
      waiting.splice(waiting.indexOf(waiter), 1)
      waiter.resolve(frame)
    }
    if (frame.welcome) initialCredit = frame.welcome.initialCredit
    if (frame.ping && options.answersPings !== false) send({ pong: { sentAt: frame.ping.sentAt } })
    if (frame.cancel) requests.get(frame.cancel.requestId)?.cancel()
    if (frame.request) void options.onRequest?.(frame.request, begin(frame.request))
    const request = frame.credit && requests.get(frame.credit.requestId)
    if (request && frame.credit) {
      request.credit += frame.credit.bytes
      request.wake()
    }
  }

  function begin({ id, method, body }: Request__Output): RequestIo {
    const codecs = methodCodecs.get(method)
    if (!codecs) throw new Error(`unknown method ${method}`)
    const cancelled = Promise.withResolvers<void>()
    const request = { credit: initialCredit, wake: () => {}, cancel: cancelled.resolve }
    requests.set(id, request)
    let offset = 0
    return {
      received: () => codecs.request.decode(body) as Record<string, unknown>,
      respond: (answer) => send({ response: { requestId: id, body: codecs.response.encode(answer) } }),
      fail: (code, details = {}) =>
        send({ response: { requestId: id, failure: { code, detailsJson: JSON.stringify(details) } } }),
      chunk: (at, data) => send({ chunk: { requestId: id, offset: at, data } }),
      async output(data) {
        for (let at = 0; at < data.length; ) {
          const size = Math.min(32 * 1024, data.length - at, request.credit)
          if (size > 0) {
            request.credit -= size
            send({ chunk: { requestId: id, offset, data: data.subarray(at, at + size) } })
            at += size
            offset += size
            continue
          }
          await new Promise<void>((resolve) => {
            request.wake = resolve
          })
        }
      },
      cancelled: cancelled.promise,
    }
  }

  function send(frame: AgentFrame): void {
    stream ??= open()
    if (!stream.destroyed) stream.write(frame)
  }

  /** The next frame that matches, or one that has come already. */
  function next<T>(pick: (frame: CentralFrame__Output) => T | null | undefined): Promise<T> {
    const found = frames.find((frame) => pick(frame))
    const { promise, resolve } = Promise.withResolvers<CentralFrame__Output>()
    if (found) resolve(found)
    else waiting.push({ matches: (frame) => Boolean(pick(frame)), resolve })
    return promise.then((frame) => pick(frame) as T)
  }

  return {
    instanceId,
    frames,
    send,
    next,
    /** Says hello and waits for the welcome. @throws Error with the status when the agent is not let in */
    async connect(): Promise<Welcome__Output> {
      send({ hello: helloOf(instanceId, options.hello) })
      const welcome = next((frame) => frame.welcome)
      const refused = ended.promise.then(({ code, details }) => {
        throw Object.assign(new Error(`${code} ${details}`), { code, details })
      })
      return Promise.race([welcome, refused])
    },
    /** A second stream on the same connection. */
    openAnother() {
      const another: LinkStream = (client as unknown as { connect: () => LinkStream }).connect()
      another.on('error', () => {})
      another.resume()
      const status = new Promise<StatusObject>((resolve) => another.on('status', resolve))
      return { write: (frame: AgentFrame) => void another.write(frame), status }
    },
    /** A stream on which nothing is said. */
    openWithoutHello(): void {
      stream ??= open()
    },
    /** Stops reading what Central sends. */
    pause: () => void stream?.pause(),
    heartbeat: (sample: Heartbeat = {}) => send({ heartbeat: heartbeatOf(sample) }),
    /** How the stream ended, once it has. */
    ended: ended.promise,
    close(): void {
      stream?.cancel()
      client.close()
    },
  }
}

export type FakeAgent = ReturnType<typeof createFakeAgent>

export const helloOf = (instanceId: string, hello: Hello = {}): Hello => ({
  agentVersion: '0.1.0',
  capabilityVersion: CAPABILITY_VERSION,
  instanceId,
  hostname: 'web-1',
  os: 'Debian GNU/Linux 13',
  kernel: '6.12.0',
  arch: 'x86_64',
  bootId: 'boot',
  machineIdHash: 'a'.repeat(64),
  shell: '/bin/bash',
  docker: false,
  lanes: [
    { name: 'read', isolation: 'ISOLATION_BUBBLEWRAP' },
    { name: 'act', isolation: 'ISOLATION_NONE' },
  ],
  ...hello,
})

/** A calm host, unless told otherwise. */
export const heartbeatOf = (sample: Heartbeat = {}): Heartbeat => ({
  at: 1,
  cpuPercent: 5,
  memoryTotal: 1_000,
  memoryAvailable: 800,
  load1: 0.1,
  load5: 0.1,
  load15: 0.1,
  cpus: 2,
  uptimeS: 60,
  disks: [{ mount: '/', total: 1_000, available: 900, inodes: 100, inodesFree: 90 }],
  ...sample,
})
