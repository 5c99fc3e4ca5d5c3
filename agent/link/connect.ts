// One mTLS stream to Central (grpc-js). The CA is pinned, TLS is 1.3, and who answers must be named as Central: a
// certificate of the same CA for an agent does not do.
import { isIP } from 'node:net'
import { createSecureContext, type PeerCertificate } from 'node:tls'
import { type ChannelOptions, Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js'
import { LIMITS } from '#proto/contract/limits.ts'
import { linkService } from '#proto/contract/wire.ts'
import type { AgentFrame } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { CentralFrame__Output } from '#proto/gen/mttrly/agent/v1/CentralFrame.ts'

export type LinkCredentials = { address: string; caPem: string; keyPem: string; certificatePem: string }
export type LinkStream = ClientDuplexStream<AgentFrame, CentralFrame__Output>
/** `met`: Central has shown who it is; whatever it does afterwards is its own decision. */
export type Connect = (credentials: LinkCredentials) => { stream: LinkStream; met(): boolean; close(): void }

const CENTRAL = /^URI:spiffe:\/\/[^/]+\/central$/

/** The name in the certificate is what counts; the host's address may be any that leads there. */
export function checkCentral({ subjectaltname }: Pick<PeerCertificate, 'subjectaltname'>): Error | undefined {
  const names = subjectaltname?.split(', ').filter((name) => name.startsWith('URI:')) ?? []
  return names.length === 1 && CENTRAL.test(names[0] ?? '') ? undefined : new Error('this is not Central')
}

const OPTIONS: ChannelOptions = {
  // Sent as the TLS server name, which must not be an address (RFC 6066 section 3).
  'grpc.ssl_target_name_override': 'central.mttrly',
  'grpc.max_receive_message_length': LIMITS.message,
  'grpc.max_send_message_length': LIMITS.message,
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.enable_retries': 0,
  // One channel a stream: another certificate must not find an old connection.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
}

/** An address is no server name (RFC 6066, section 3). */
const serverName = (address: string): ChannelOptions =>
  isIP(address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) ? { 'grpc.ssl_target_name_override': 'central' } : {}

export const connectLink: Connect = ({ address, caPem, keyPem, certificatePem }) => {
  const context = createSecureContext({ ca: caPem, key: keyPem, cert: certificatePem, minVersion: 'TLSv1.3' })
  let met = false
  const secure = credentials.createFromSecureContext(context, {
    checkServerIdentity(_host, certificate) {
      const wrong = checkCentral(certificate)
      met = wrong === undefined
      return wrong
    },
  })
  const client = new Client(address, secure, { ...OPTIONS, ...serverName(address) })
  const { path, requestSerialize, responseDeserialize } = linkService.connect
  return {
    stream: client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize),
    met: () => met,
    close: () => client.close(),
  }
}
