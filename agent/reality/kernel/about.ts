// What the host is: its name, system, kernel, boot, and how many processes and sockets it has.

import type { Snapshot } from '#proto/contract/reality.ts'
import type { Host } from '../host.ts'
import { isOpenrc } from '../services/openrc.ts'
import type { Process } from './processes.ts'
import { netFile, parseSockstat } from './sockets.ts'

const ARCHITECTURE: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' }

/** Unix ms; the kernel says whole seconds. */
export function parseBootTime(stat: string): number | undefined {
  const seconds = /^btime (\d+)$/m.exec(stat)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

/** man 5 os-release: values may be quoted. */
export function parseOsRelease(text: string): { id: string; version: string; name: string } {
  const field = (name: string): string => new RegExp(`^${name}=(["']?)(.*)\\1$`, 'm').exec(text)?.[2] ?? ''
  return {
    id: field('ID') || 'linux',
    version: field('VERSION_ID'),
    name: field('PRETTY_NAME') || field('NAME') || 'Linux',
  }
}

export const isSystemd = (host: Host): boolean => host.exists('/run/systemd/system')

export const readBootTime = (host: Host): number => parseBootTime(host.text('/proc/stat', 1024 * 1024)) ?? host.now

export function describeHost(host: Host, processes: readonly Process[], bootedAt: number): Snapshot['host'] {
  const line = (path: string): string => host.text(path, 4_096).trim()
  const states = Object.entries(Object.groupBy(processes, ({ state }) => state))
  return {
    hostname: line('/proc/sys/kernel/hostname') || line('/etc/hostname'),
    os: parseOsRelease(host.text('/etc/os-release') || host.text('/usr/lib/os-release')),
    kernel: line('/proc/sys/kernel/osrelease'),
    architecture: ARCHITECTURE[process.arch] ?? process.arch,
    bootedAt,
    bootId: line('/proc/sys/kernel/random/boot_id'),
    init: isSystemd(host) ? 'systemd' : isOpenrc(host) ? 'openrc' : 'other',
    processes: processes.length,
    processStates: Object.fromEntries(states.map(([state, those]) => [state, those?.length ?? 0])),
    sockets: parseSockstat(netFile(host, 'sockstat')),
  }
}
