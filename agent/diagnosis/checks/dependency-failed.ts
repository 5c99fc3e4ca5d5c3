// A unit that was not started because another that it needs was not: down to the first one of the chain.
import type { Check, Facts, LogLine } from '../check.ts'
import { type Needs, needsOf } from '../needs.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { watchUnits } from '../units.ts'

const MESSAGE = /^Dependency failed for /
const STARTABLE = /\.(?:service|mount|socket)$/

/** Failed, masked, without a file, at rest, or itself not started for another. */
const isDown = ({ id, active }: Needs): boolean => STARTABLE.test(id) && active !== 'active' && active !== 'reloading'

/** The units below one that are down, the nearest first. */
function chainOf(id: string, facts: Facts, above: readonly string[] = []): Needs[] {
  if (above.length > 8) return []
  const down = needsOf(facts, id)
    .needs.filter((need) => !above.includes(need))
    .map((need) => needsOf(facts, need))
    .find(isDown)
  return down === undefined ? [] : [down, ...chainOf(down.id, facts, [...above, id])]
}

function stateOf({ load, active, sub }: Needs): string {
  if (load === 'not-found') return 'does not exist'
  if (load === 'masked') return 'is masked'
  if (active === 'failed') return 'has failed'
  return active === 'inactive' ? 'does not run' : `is ${active} (${sub})`
}

export const dependencyFailed: Check = {
  name: 'failed dependencies',
  topics: ['service'],
  async run(facts) {
    const [watched, warnings] = await Promise.all([watchUnits(facts), facts.journal('warnings')])
    const told = new Map<string, LogLine>()
    const lines = [...watched.flatMap((each) => each.lines), ...warnings]
    for (const line of lines) if (MESSAGE.test(line.text) && line.unit !== '') told.set(line.unit, line)
    const stopped = watched.filter(({ state }) => state === 'stopped').map(({ id }) => id)
    const candidates = [...new Set([...told.keys(), ...stopped])]
    return candidates.flatMap((id) => {
      const { active } = needsOf(facts, id)
      if (active === 'active' || active === 'activating' || id.endsWith('.target')) return []
      const chain = chainOf(id, facts)
      const line = told.get(id)
      const root = chain.at(-1)
      if (root === undefined && line === undefined) return []
      const other = root === undefined ? 'another unit that it needs' : root.id
      return finding({
        cause: 'DEPENDENCY_FAILED',
        subject: id,
        title: `${id} was not started because ${other} ${root === undefined ? 'failed' : stateOf(root)}`,
        confidence: line && root ? 0.97 : root ? 0.85 : 0.7,
        evidence: [
          ...(line ? [quoted(line)] : []),
          ...chain.map((each, i) =>
            seen(
              `systemctl show ${each.id}`,
              facts.now,
              `needed by ${i === 0 ? id : chain[i - 1]?.id}: ${each.id} ${stateOf(each)}`,
            ),
          ),
          ...(line || root ? [] : [seen(`systemctl show ${id}`, facts.now, 'not started')]),
        ],
        next: [
          next.journal(root?.id ?? id),
          next.run(`systemctl list-dependencies ${id}`, 'What it needs, and how that is'),
        ],
        explains: [id],
      })
    })
  },
}
