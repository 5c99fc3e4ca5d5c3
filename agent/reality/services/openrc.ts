// OpenRC's services (Alpine, Gentoo), from the directories in which it keeps their state: a link there for each.

import type { Health, Unit } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import type { Host } from '../host.ts'

const STATE = '/run/openrc'
/** The directory → what it means, the worst first. */
const STATES: readonly (readonly [directory: string, Health['state'], active: string])[] = [
  ['failed', 'failed', 'failed'],
  ['starting', 'degraded', 'activating'],
  ['stopping', 'degraded', 'deactivating'],
  ['inactive', 'degraded', 'inactive'],
  ['started', 'ok', 'active'],
]

export const isOpenrc = (host: Host): boolean => host.exists(`${STATE}/softlevel`)

export function readOpenrc(host: Host): Unit[] {
  const runlevel = host.text(`${STATE}/softlevel`, 64).trim()
  const enabled = new Set(
    ['boot', 'default', runlevel]
      .filter((name) => /^[\w.-]+$/.test(name))
      .flatMap((name) => host.list(`/etc/runlevels/${name}`)),
  )
  const stateOf = new Map<string, (typeof STATES)[number]>()
  for (const state of STATES.toReversed())
    for (const name of host.list(`${STATE}/${state[0]}`)) stateOf.set(name, state)
  return [...new Set([...stateOf.keys(), ...enabled])].sort().map((name) => {
    const [directory, health, active] = stateOf.get(name) ?? ['', 'stopped', 'inactive']
    const pid = pidOf(host, name)
    const crashed = active === 'active' && pid !== undefined && !host.exists(`/proc/${pid}`)
    return {
      id: name,
      kind: 'service',
      description: '',
      load: 'loaded',
      active: crashed ? 'failed' : active,
      sub: directory,
      startup: enabled.has(name) ? 'enabled' : 'disabled',
      result: crashed ? 'crashed' : '',
      restarts: 0,
      ...(pid !== undefined && !crashed ? { mainPid: pid } : {}),
      file: `/etc/init.d/${name}`,
      dropIns: [],
      triggers: [],
      health: crashed
        ? judge('failed', `crashed: its process ${pid} is gone`, `${STATE}/daemons`, host.now)
        : judge(health, directory || 'enabled, and does not run', `${STATE}/${directory}`, host.now),
    }
  })
}

/** `pidfile=/run/nginx.pid` in the record of the daemon that start-stop-daemon started. */
function pidOf(host: Host, name: string): number | undefined {
  const record = host.text(`${STATE}/daemons/${name}/001`, 4_096)
  const file = /^pidfile=(\/[^\n]+)$/m.exec(record)?.[1]
  const pid = file ? /^\s*(\d+)/.exec(host.text(file, 64))?.[1] : undefined
  return pid === undefined ? undefined : Number(pid)
}
