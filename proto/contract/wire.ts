// Codecs of the link: bytes on the wire from and to the generated types. Made from the generated descriptor with
// protobufjs/light, which saves the daemon the .proto parser. Both tiers import it; the conversion options must stay
// those of `npm run gen`, or the generated types lie.
import type { ServiceDefinition } from '@grpc/grpc-js'
import protobuf from 'protobufjs/light.js'
import descriptor from '#proto/gen/descriptor.json' with { type: 'json' }
import type { AgentFrame, AgentFrame__Output } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { CentralFrame, CentralFrame__Output } from '#proto/gen/mttrly/agent/v1/CentralFrame.ts'

const root = protobuf.Root.fromJSON(descriptor as protobuf.INamespace)
const CONVERSION: protobuf.IConversionOptions = { longs: Number, enums: String, defaults: true, oneofs: true }

export type Codec<In, Out> = {
  encode(message: In): Buffer
  /** @throws RangeError or Error when the bytes are not such a message */
  decode(bytes: Uint8Array): Out
}

/** The codec of one message type of package mttrly.agent.v1, by its name. */
export function codec<In, Out>(name: string): Codec<In, Out> {
  const type = root.lookupType(`mttrly.agent.v1.${name}`)
  return {
    encode: (message) => Buffer.from(type.encode(type.fromObject(message as Record<string, unknown>)).finish()),
    decode: (bytes) => type.toObject(type.decode(bytes), CONVERSION) as Out,
  }
}

/** Request and response codecs of every rpc of a service, by rpc name. */
export function serviceCodecs(name: string) {
  const service = root.lookupService(`mttrly.agent.v1.${name}`)
  return Object.values(service.methods).map((rpc) => ({
    rpc: rpc.name,
    request: codec<unknown, unknown>(rpc.requestType),
    response: codec<unknown, unknown>(rpc.responseType),
  }))
}

const agentFrame = codec<AgentFrame, AgentFrame__Output>('AgentFrame')
const centralFrame = codec<CentralFrame, CentralFrame__Output>('CentralFrame')

/** The gRPC service of link.proto, for `server.addService` and `makeGenericClientConstructor`. */
export const linkService = {
  connect: {
    path: '/mttrly.agent.v1.Link/Connect',
    requestStream: true,
    responseStream: true,
    requestSerialize: agentFrame.encode,
    requestDeserialize: agentFrame.decode,
    responseSerialize: centralFrame.encode,
    responseDeserialize: centralFrame.decode,
  },
} satisfies ServiceDefinition
