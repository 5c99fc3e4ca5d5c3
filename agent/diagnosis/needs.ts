// What units need of each other, by their files, and who waits for whom: asking systemd for it all takes longer than everything
// else that a diagnosis does.
import { UNIT_DIRECTORIES } from '../reality/services/systemd.ts'
import type { Facts } from './check.ts'
import { settingsOf, unitText } from './units.ts'

/** What a unit's files say that it needs, and how it is: enough to follow a chain of units down. */
export type Needs = {
  id: string
  needs: string[]
  type: string
  triggered: boolean
  load: string
  active: string
  sub: string
}

const needing = new WeakMap<Facts, Map<string, Needs>>()

/** Of all units that reality shows. */
export function needsOfUnits(facts: Facts): Map<string, Needs> {
  const there = needing.get(facts) ?? readNeeds(facts)
  needing.set(facts, there)
  return there
}

function readNeeds(facts: Facts): Map<string, Needs> {
  const { units } = facts.reality
  const triggered = new Set(units.filter(({ load }) => load !== 'masked').flatMap(({ triggers }) => triggers))
  const mounts = new Map(units.flatMap(({ id, kind }) => (kind === 'mount' ? [[placeOf(id), id] as const] : [])))
  return new Map(
    units.map((unit) => {
      const text = unitText(facts, unit)
      const words = (key: string): string[] => settingsOf(text, key).flatMap((value) => value.split(/\s+/))
      const linked = (unit.file ? [`${unit.file}.requires`, `/etc/systemd/system/${unit.id}.requires`] : []).flatMap(
        (each) => facts.host.list(each),
      )
      const places = words('RequiresMountsFor').flatMap((path) =>
        [...mounts].flatMap(([place, id]) => (isUnder(path, place) ? [id] : [])),
      )
      const needs = [
        ...new Set([...words('Requires'), ...words('BindsTo'), ...words('Requisite'), ...linked, ...places]),
      ]
      const type = settingsOf(text, 'Type').at(-1) ?? 'simple'
      const { id, load, active, sub } = unit
      return [id, { id, needs, type, triggered: triggered.has(id), load, active, sub }]
    }),
  )
}

export const isUnder = (path: string, place: string): boolean =>
  place !== '/' && (path === place || path.startsWith(`${place}/`))

/** The directory of a mount unit (man 5 systemd.unit, "String Escaping for Inclusion in Unit Names"). */
export const placeOf = (id: string): string =>
  `/${id
    .replace(/\.mount$/, '')
    .replaceAll('-', '/')
    .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))}`

const DIRECTORIES = [...UNIT_DIRECTORIES, '/usr/lib/systemd/system', '/lib/systemd/system']

/** How a unit is that reality does not show: it is at rest, or there is no such unit. */
export const needsOf = (facts: Facts, id: string): Needs => {
  const known = needsOfUnits(facts).get(id)
  const name = id.replace(/@[^.]*\./, '@.')
  const exists = DIRECTORIES.some(
    (directory) => facts.host.exists(`${directory}/${id}`) || facts.host.exists(`${directory}/${name}`),
  )
  return (
    known ?? {
      id,
      needs: [],
      type: 'simple',
      triggered: false,
      load: exists ? 'loaded' : 'not-found',
      active: 'inactive',
      sub: 'dead',
    }
  )
}

/** Units that do not run for want of this one, at any depth. */
export function dependentsOf(id: string, facts: Facts): string[] {
  const all = [...needsOfUnits(facts).values()]
  const found = new Set<string>()
  const add = (need: string): void => {
    for (const each of all)
      if (
        !found.has(each.id) &&
        each.id !== id &&
        each.active !== 'active' &&
        found.size < 20 &&
        each.needs.includes(need)
      ) {
        found.add(each.id)
        add(each.id)
      }
  }
  add(id)
  return [...found]
}
