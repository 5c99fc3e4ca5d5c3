// The type that a capability must satisfy: one handler for each of its methods, no more and no fewer.
import type { CapabilityName, GrantedMethod, MethodName, Methods } from '#proto/contract/methods.ts'

export type CapabilityContext = {
  requestId: string
  /** Aborted by a cancel: the work and all it started are to end. */
  cancelled: AbortSignal
  /** Aborted when the stream that asked is gone, so that nobody waits for this answer. */
  gone: AbortSignal
  /** Redacted output on its way to Central; resolves when more may follow, at once when nobody listens any more. */
  output(offset: number, data: Buffer): Promise<void>
}

/** @throws CatalogueError a refusal: nothing was done */
type PlainHandler<M extends MethodName> = (
  request: Methods[M]['received'],
  ctx: CapabilityContext,
) => Promise<Methods[M]['response']>

/** A method that changes the host; the journal wraps it, so that it runs once or not at all. */
export type GrantedHandler<M extends GrantedMethod> = {
  /** What has to be the same when a request id comes again. */
  identity(request: Methods[M]['received']): string
  /**
   * Starts the work. `onTaken`: from here on it may have an effect. It goes on when the stream is gone.
   * @throws CatalogueError a refusal: nothing was done
   */
  run(request: Methods[M]['received'], ctx: CapabilityContext & { onTaken(): void }): Promise<Methods[M]['response']>
  /**
   * The outcome of work that may have been started before, with its output; what was not started never will be.
   * @throws CatalogueError when the request itself is refused
   */
  settle(request: Methods[M]['received'], ctx: CapabilityContext): Promise<Methods[M]['response']>
  /** Central has stored these outcomes: output and outcome may go. */
  forget(requests: Methods[M]['received'][]): Promise<void>
}

export type Handlers<C extends CapabilityName> = {
  readonly [M in MethodName as M extends `${C}.${infer V}` ? V : never]: M extends GrantedMethod
    ? GrantedHandler<M>
    : PlainHandler<M>
}
