// Whether this host has what a caller says that the problem is about: else "nothing is wrong" would say nothing.
import type { Diagnosis } from '#proto/contract/diagnosis.ts'
import type { Facts } from './check.ts'
import { needsOf } from './needs.ts'

const NEAR_MOST = 5
/** Letters that may differ. */
const SLIPS = 2
const KIND = /\.(?:service|timer|socket|mount|path|target|slice|scope)$/

/** undefined where nobody has named anything. */
export function subjectHere(facts: Facts): Diagnosis['subject'] {
  const { subject } = facts.question
  if (subject === undefined || subject.trim() === '') return undefined
  const asked = bare(subject)
  const names = namesOf(facts)
  const known = names.some((name) => bare(name) === asked) || isFile(facts, subject) || isUnit(facts, subject.trim())
  return { known, near: known ? [] : nearest(asked, names) }
}

/** Without what people leave away or put before it: the kind of a unit, the scheme and the path of an address. */
function bare(name: string): string {
  const text = name.trim().toLowerCase()
  if (text.startsWith('/')) return text.replace(/(?<=.)\/+$/, '')
  return text
    .replace(/^\w+:\/\//, '')
    .replace(/\/.*$/, '')
    .replace(KIND, '')
}

function namesOf({ reality, host }: Facts): string[] {
  const { hostname } = reality.host
  const ports = reality.listeners.flatMap(({ port, process, owner, address }) => [
    ...(port === undefined
      ? [address]
      : [`${port}`, `:${port}`, `port ${port}`, `localhost:${port}`, `${address}:${port}`]),
    process,
    owner?.name,
  ])
  const names = [
    hostname,
    'localhost',
    ...reality.units.map(({ id }) => id),
    ...(reality.containers ?? []).flatMap(({ name, id, service, project, image }) => [
      name,
      id,
      service,
      project,
      image,
    ]),
    ...reality.sites.flatMap(({ names, server, file }) => [...names, server, file]),
    ...reality.stores.flatMap(({ software, owner }) => [software, owner?.name]),
    ...reality.runtimes.flatMap(({ owner, runtime }) => [owner.name, runtime]),
    ...reality.schedules.map(({ name }) => name),
    ...reality.supervised.map(({ name }) => name),
    ...reality.mounts.flatMap(({ path, device }) => [path, device]),
    ...reality.processes.flatMap(({ owner, processes }) => [owner.name, ...processes.map(({ name }) => name)]),
    ...ports,
    ...host.list('/sys/class/net'),
    ...host.text('/etc/hosts').replace(/#.*/g, '').split(/\s+/),
  ]
  return [...new Set(names.filter((name): name is string => name !== undefined && name.length > 1))]
}

/** What may not be seen may be there. */
const isFile = ({ host }: Facts, subject: string): boolean =>
  subject.startsWith('/') && (host.exists(subject.trim()) || host.hides(subject.trim()))

const isUnit = (facts: Facts, subject: string): boolean =>
  /^[\w@:.\\-]+$/.test(subject) &&
  needsOf(facts, KIND.test(subject) ? subject : `${subject}.service`).load !== 'not-found'

function nearest(asked: string, names: readonly string[]): string[] {
  if (asked.length < 3) return []
  return names
    .flatMap((name) => {
      const known = bare(name)
      const part = known.length > 3 && (known.includes(asked) || asked.includes(known))
      const slips = part ? 1 : differences(asked, known)
      return slips <= SLIPS && slips < asked.length / 2 ? [{ name, slips }] : []
    })
    .toSorted((one, other) => one.slips - other.slips || one.name.length - other.name.length)
    .slice(0, NEAR_MOST)
    .map(({ name }) => name)
}

/** Letters to be put in, left away or changed (Levenshtein), or more than matters. */
function differences(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > SLIPS) return SLIPS + 1
  let row = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1]
    for (let j = 0; j < other.length; j++)
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + Number(other[j] !== letter)))
    row = next
  }
  return row.at(-1) ?? 0
}
