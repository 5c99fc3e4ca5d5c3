// The peer of line 5: what an agent of a few lines is: grpc-js with proto-loader, checked by zod, connected and beating.
// Arguments: port, and a file with caPem, keyPem and certificatePem.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { z } from 'zod'

const [port = '', file = ''] = process.argv.slice(2)
const pem = z.object({ caPem: z.string(), keyPem: z.string(), certificatePem: z.string() })
const { caPem, keyPem, certificatePem } = pem.parse(JSON.parse(readFileSync(file, 'utf8')))
const proto = fileURLToPath(new URL('../../../proto', import.meta.url))
const loaded = loadSync('agent/v1/link.proto', { includeDirs: [proto], longs: Number, enums: String, defaults: true })
const { mttrly } = loadPackageDefinition(loaded)
const client = new mttrly.agent.v1.Link(
  `127.0.0.1:${port}`,
  credentials.createSsl(Buffer.from(caPem), Buffer.from(keyPem), Buffer.from(certificatePem)),
  { 'grpc.ssl_target_name_override': 'localhost' },
)
const stream = client.Connect()
stream.on('data', () => {})
const write = (frame) => void stream.write(frame)
write({ hello: { agentVersion: '1', hostname: 'plain' } })
setInterval(() => write({ heartbeat: { at: Date.now(), cpuPercent: 1 } }), 10_000)
