// The floor of line 3: grpc-js with the TLS settings, the options and the codecs of Central's link, and nothing behind it.
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js'
import { LIMITS } from '#proto/contract/limits.ts'
import { linkService } from '#proto/contract/wire.ts'
import type { AgentFrame__Output } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { CentralFrame } from '#proto/gen/mttrly/agent/v1/CentralFrame.ts'
import { answer } from './process.ts'

let heartbeats = 0

async function listen({ caPem, keyPem, certificatePem }: Record<'caPem' | 'keyPem' | 'certificatePem', string>) {
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': LIMITS.message,
    'grpc.max_send_message_length': LIMITS.message,
    'grpc.max_concurrent_streams': 2,
    'grpc-node.flow_control_window': 256 * 1024,
  })
  server.addService(linkService, {
    connect(call: ServerDuplexStream<AgentFrame__Output, CentralFrame>) {
      call.on('data', ({ hello, heartbeat }: AgentFrame__Output) => {
        if (hello) call.write({ welcome: { heartbeatMs: LIMITS.heartbeat, initialCredit: LIMITS.credit } })
        if (heartbeat) heartbeats++
      })
      call.on('end', () => call.end())
      call.on('error', () => {})
    },
  })
  const key = { private_key: Buffer.from(keyPem), cert_chain: Buffer.from(certificatePem) }
  const credentials = ServerCredentials.createSsl(Buffer.from(caPem), [key], true)
  return new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)))
  })
}

answer({ listen, heartbeats: () => heartbeats })
