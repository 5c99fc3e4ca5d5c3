// What an agent says of itself and its host when a stream begins. Read once; the host's root is a parameter.
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { arch, hostname, release } from 'node:os'
import { join } from 'node:path'
import { CAPABILITY_VERSION } from '#proto/contract/capability-version.ts'
import type { Hello } from '#proto/gen/mttrly/agent/v1/Hello.ts'

/** The rest is the lanes', the journal's and the identity's to say. */
export type HostFacts = Required<
  Omit<
    Hello,
    'lanes' | 'shell' | 'docker' | 'signedApprovals' | 'approvers' | 'unacknowledged' | 'playbooks' | 'authorities'
  >
>

export const parseOsRelease = (text: string): string =>
  /^PRETTY_NAME="?(.*?)"?$/m.exec(text)?.[1] ?? /^ID="?(.*?)"?$/m.exec(text)?.[1] ?? 'Linux'

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

export function readHostFacts({ root, version }: { root: string; version: string }): HostFacts {
  const machineId = read(join(root, 'etc/machine-id'))
  return {
    agentVersion: version,
    capabilityVersion: CAPABILITY_VERSION,
    instanceId: randomUUID(),
    hostname: hostname(),
    os: parseOsRelease(read(join(root, 'etc/os-release'))),
    kernel: release(),
    arch: arch(),
    bootId: read(join(root, 'proc/sys/kernel/random/boot_id')),
    machineIdHash: machineId ? createHash('sha256').update(machineId).digest('hex') : '',
  }
}
