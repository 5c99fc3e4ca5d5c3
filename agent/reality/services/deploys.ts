// The working trees that services run from, each with those that do.

import type { Deploy, Unit } from '#proto/contract/reality.ts'
import type { Host } from '../host.ts'
import { type Head, readHead } from './git.ts'
import type { Running } from './runtimes.ts'

export type Deployed = Head & { usedBy: string[] }

export function readDeploys(host: Host, units: readonly Unit[], runtimes: readonly Running[]): Deployed[] {
  const places = [
    ...units.map(({ directory, id }) => ({ directory, by: id })),
    ...runtimes.map(({ cwd, owner, program }) => ({ directory: cwd, by: owner.name || program })),
  ].filter(({ directory }) => directory?.startsWith('/') && directory !== '/')
  const found = new Map<string, Deployed>()
  for (const [directory, users] of Map.groupBy(places, (place) => place.directory ?? '')) {
    const head = readHead(host, directory)
    if (!head) continue
    const usedBy = [...(found.get(head.directory)?.usedBy ?? []), ...users.map(({ by }) => by)]
    found.set(head.directory, { ...head, usedBy: [...new Set(usedBy)] })
  }
  return [...found.values()]
}

export const describeDeploys = (deployed: readonly Deployed[]): Deploy[] =>
  deployed.map(({ before: _, usedBy, ...head }) => ({ ...head, usedBy: usedBy.slice(0, 50) }))
