// What an agent says, checked: the codec has seen to the types, this sees to sizes and sense. Text from a host is
// neutralised here.
import { z } from 'zod'
import { type ErrorCode, isErrorCode } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Failure__Output } from '#proto/gen/mttrly/agent/v1/Failure.ts'
import type { Heartbeat__Output } from '#proto/gen/mttrly/agent/v1/Heartbeat.ts'
import type { Hello__Output } from '#proto/gen/mttrly/agent/v1/Hello.ts'
import type { Trusted__Output } from '#proto/gen/mttrly/agent/v1/Trusted.ts'
import { HostFacts, HostSample, ISOLATIONS } from '../domain/server.ts'
import { plainText } from '../domain/text.ts'

const DETAILS = 16 * 1024
const RequestId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

const Authorities = z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(LIMITS.authorities)

/** `authorities` is empty from an agent that is too old to say whom it believes. */
export type Hello = { facts: HostFacts; instanceId: string; unacknowledged: string[]; authorities: string[] }

const HelloFrame = z.object({
  facts: HostFacts,
  instanceId: z.string().min(1).max(64),
  unacknowledged: z.array(RequestId).max(LIMITS.unacknowledged),
  authorities: Authorities,
})

/** undefined when it is not a hello that anybody would send in earnest. */
export function readHello(hello: Hello__Output): Hello | undefined {
  const facts = {
    agent_version: hello.agentVersion,
    capability_version: hello.capabilityVersion,
    hostname: hello.hostname,
    os: hello.os,
    kernel: hello.kernel,
    arch: hello.arch,
    boot_id: hello.bootId,
    machine_id_hash: hello.machineIdHash,
    shell: hello.shell,
    docker: hello.docker,
    lanes: hello.lanes.map(({ name, isolation }) => ({ name, isolation: isolationOf(isolation) })),
    playbooks: hello.playbooks,
    approvers: hello.signedApprovals ? hello.approvers : null,
  }
  const { instanceId, unacknowledged, authorities } = hello
  return HelloFrame.safeParse({ facts, instanceId, unacknowledged, authorities }).data
}

export const readTrusted = ({ authorities }: Trusted__Output): string[] | undefined =>
  Authorities.min(1).safeParse(authorities).data

/** An isolation that this Central does not know yet counts as none. */
function isolationOf(name: string): (typeof ISOLATIONS)[number] {
  const word = String(name).replace('ISOLATION_', '').toLowerCase()
  return ISOLATIONS.find((isolation) => isolation === word) ?? 'none'
}

export const readHeartbeat = (heartbeat: Heartbeat__Output): HostSample | undefined =>
  HostSample.safeParse(heartbeat).data

/** `by: 'agent'` is Central's word: what the agent puts there does not count. */
export function readFailure(failure: Failure__Output): { code: ErrorCode; details: Record<string, unknown> } {
  const code = isErrorCode(failure.code) ? failure.code : 'UNKNOWN_ERROR'
  return { code, details: { ...readDetails(failure.detailsJson), by: 'agent' } }
}

function readDetails(json: string): Record<string, unknown> {
  if (json === '' || json.length > DETAILS) return {}
  try {
    const parsed = z.record(z.string(), z.json()).safeParse(JSON.parse(json))
    return parsed.success ? neutral(parsed.data) : {}
  } catch {
    return {}
  }
}

const neutral = (details: Record<string, unknown>): Record<string, unknown> =>
  JSON.parse(JSON.stringify(details), (_key, value) => (typeof value === 'string' ? plainText(value) : value))
