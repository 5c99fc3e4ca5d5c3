// The method map: every request that Central can send to an agent, derived from the services in proto/agent/v1.
// A handler that is missing or surplus does not compile (agent/capabilities); neither does a wrong request or response.
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CommandsDefinition } from '#proto/gen/mttrly/agent/v1/Commands.ts'
import type { DockerDefinition } from '#proto/gen/mttrly/agent/v1/Docker.ts'
import type { InspectDefinition } from '#proto/gen/mttrly/agent/v1/Inspect.ts'
import { type Codec, serviceCodecs } from './wire.ts'

type Own<T> = { [K in keyof T as string extends K ? never : number extends K ? never : K]: T[K] }
type MethodsOf<Capability extends string, Definition> = {
  [Rpc in keyof Own<Definition> &
    string as `${Capability}.${Uncapitalize<Rpc>}`]: Own<Definition>[Rpc] extends MethodDefinition<
    infer RequestIn,
    infer ResponseIn,
    infer RequestOut,
    infer ResponseOut
  >
    ? { request: RequestIn; received: RequestOut; response: ResponseIn; answer: ResponseOut }
    : never
}

/**
 * `request` is what Central hands over and `received` what the handler gets; `response` is what the handler returns
 * and `answer` what Central gets (the same messages, with the defaults filled in on the receiving side).
 */
export type Methods = MethodsOf<'commands', CommandsDefinition> &
  MethodsOf<'inspect', InspectDefinition> &
  MethodsOf<'docker', DockerDefinition>
export type MethodName = keyof Methods
export type CapabilityName = MethodName extends `${infer Capability}.${string}` ? Capability : never

const SERVICES = { commands: 'Commands', inspect: 'Inspect', docker: 'Docker' } satisfies Record<CapabilityName, string>

/** Methods that change the host. They carry a grant, are journalled, and run once or not at all. */
export const GRANTED_METHODS = ['commands.act'] as const satisfies readonly MethodName[]
export type GrantedMethod = (typeof GRANTED_METHODS)[number]

export const isGranted = (method: string): method is GrantedMethod =>
  (GRANTED_METHODS as readonly string[]).includes(method)

export type MethodCodecs = { request: Codec<unknown, unknown>; response: Codec<unknown, unknown> }

/** Codecs by method name. */
export const methodCodecs: ReadonlyMap<string, MethodCodecs> = new Map(
  Object.entries(SERVICES).flatMap(([capability, service]) =>
    serviceCodecs(service).map(
      ({ rpc, ...codecs }) => [`${capability}.${rpc[0]?.toLowerCase()}${rpc.slice(1)}`, codecs] as const,
    ),
  ),
)
