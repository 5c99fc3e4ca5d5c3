// The relay: agents' streams on one side, calls from any room on the other, the bus between. Imported by calls and app.
import { Server, ServerCredentials } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { CatalogueError, isErrorCode } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { isGranted, type MethodName, type Methods, methodCodecs } from '#proto/contract/methods.ts'
import { linkService } from '#proto/contract/wire.ts'
import type { AgentAnswer, Bus, OnOutput } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import { createId } from '../domain/ids.ts'
import { type Authority, bundleOf } from '../fleet/authorities.ts'
import type { KeyPairPem } from '../fleet/ca.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { createFront, type Front } from './front.ts'
import { RELAY_LIMITS, type RelayLimits } from './limits.ts'
import { createStreams } from './streams.ts'

export type RelayRooms = {
  bus: Bus
  fleet: Pick<Fleet, 'link'>
  /** Whose certificates agents may show. */
  authorities: readonly Authority[]
  /** What agents see; from loadKeys. */
  link: KeyPairPem
  clock: Clock
  log: Logger
  listen: { host: string; port: number }
  limits?: Partial<RelayLimits>
}

/**
 * `startBefore` (Unix ms, default in LIMITS.startWithin) is when the agent stops being allowed to begin. `timeoutMs` ends
 * the wait; without it a read waits LIMITS.toolAnswer and a granted run as long as one may last. Aborting `signal` asks
 * the agent to end the run, and the call still answers with how it ended.
 */
export type CallOptions = {
  id?: string
  startBefore?: number
  timeoutMs?: number
  signal?: AbortSignal
  outputFrom?: number
  onOutput?: OnOutput
}

const WINDOW = 256 * 1024

export function createRelay(rooms: RelayRooms) {
  const { bus, clock, log } = rooms
  const limits = { ...RELAY_LIMITS, ...rooms.limits }
  let front: Front | undefined
  const streams = createStreams({ ...rooms, limits, front: () => front ?? NO_FRONT })
  const grpc = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': LIMITS.message,
    'grpc.max_send_message_length': LIMITS.message,
    // The second one gets a refusal that says why.
    'grpc.max_concurrent_streams': 2,
    'grpc-node.flow_control_window': WINDOW,
  })
  grpc.addService(linkService, { connect: streams.onStream })
  let sweeper: NodeJS.Timeout | undefined

  function sweep(): void {
    streams.sweep()
    front?.sweep()
  }

  async function call<M extends MethodName>(
    serverId: string,
    method: M,
    request: Methods[M]['request'],
    options: CallOptions = {},
  ): Promise<Methods[M]['answer']> {
    const codecs = methodCodecs.get(method)
    if (!codecs) throw new TypeError(`no such method: ${method}`)
    const wait = createWait(options.timeoutMs ?? longestOf(method), options.signal)
    try {
      const asked = bus.call(
        {
          serverId,
          id: options.id ?? createId('request'),
          method,
          body: codecs.request.encode(request),
          startBefore: options.startBefore ?? clock.now() + LIMITS.startWithin,
          outputFrom: options.outputFrom ?? 0,
        },
        { signal: wait.signal, ...(options.onOutput && { onOutput: options.onOutput }) },
      )
      const body = bodyOf(await Promise.race([asked, wait.over]), serverId)
      return codecs.response.decode(body) as Methods[M]['answer']
    } finally {
      wait.end()
    }
  }

  return {
    /** @throws Error when the address cannot be had */
    async start(): Promise<{ port: number }> {
      const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
      const { authorities, link, listen } = rooms
      front = createFront({
        caPem: bundleOf(authorities),
        link,
        clock,
        limits,
        onConnection: (socket) => injector.injectConnection(socket),
      })
      const port = await front.listen(listen.host, listen.port)
      sweeper = setInterval(sweep, limits.sweep).unref()
      log.info({ host: listen.host, port }, 'link is listening')
      return { port }
    },
    async stop(): Promise<void> {
      clearInterval(sweeper)
      streams.closeAll()
      await front?.close()
      grpc.forceShutdown()
    },
    /**
     * @throws CatalogueError SERVER_OFFLINE, TIMEOUT, CONNECTION_ERROR with `lost: true` (the outcome may come later),
     * or the code that the agent gave, with `by: 'agent'` in the details. `sent: false` in the details says that this
     * attempt never reached the agent.
     */
    call,
    acknowledge: (serverId: string, requestId: string): Promise<void> => bus.acknowledge(serverId, requestId),
    /** What the timer does, for those who own the clock. */
    sweep,
    counters: () => ({ connected: streams.connected(), ...streams.longest(), ...streams.counters, ...front?.counters }),
  }
}

export type Relay = ReturnType<typeof createRelay>

const NO_FRONT: Pick<Front, 'claim' | 'abandon'> = { claim: () => false, abandon: () => {} }

const longestOf = (method: MethodName): number =>
  isGranted(method) ? LIMITS.runMax + 2 * LIMITS.startWithin : LIMITS.toolAnswer

/** The end of the wait as a signal for the holder of the stream and as a promise for the caller. */
function createWait(timeoutMs: number, outer: AbortSignal | undefined) {
  const controller = new AbortController()
  const { promise: over, reject } = Promise.withResolvers<never>()
  over.catch(() => {})
  const timer = setTimeout(() => {
    controller.abort()
    reject(new CatalogueError('TIMEOUT', { timeout_ms: timeoutMs }))
  }, timeoutMs)
  const onAbort = () => controller.abort()
  if (outer?.aborted) onAbort()
  outer?.addEventListener('abort', onAbort, { once: true })
  return {
    signal: controller.signal,
    over,
    end(): void {
      clearTimeout(timer)
      outer?.removeEventListener('abort', onAbort)
    },
  }
}

function bodyOf(answer: AgentAnswer | { kind: 'no_holder' }, serverId: string): Buffer {
  switch (answer.kind) {
    case 'body':
      return answer.body
    case 'no_holder':
      throw new CatalogueError('SERVER_OFFLINE', { server_id: serverId, sent: false })
    case 'lost':
      throw new CatalogueError('CONNECTION_ERROR', { server_id: serverId, lost: true })
    case 'failure':
      throw new CatalogueError(isErrorCode(answer.code) ? answer.code : 'UNKNOWN_ERROR', answer.details)
  }
}
