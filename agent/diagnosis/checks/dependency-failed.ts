// A unit that was not started because another that it needs was not: down to the first one of the chain.
import type { Properties } from '../../reality/services/systemd.ts'
import type { Check, LogLine } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { showUnits, watchUnits } from '../units.ts'

const MESSAGE = /^Dependency failed for /
const words = (text = ''): string[] => text.split(' ').filter(Boolean)
const needsOf = ({ Requires, BindsTo, Requisite }: Properties): string[] =>
  [Requires, BindsTo, Requisite].flatMap((each) => words(each))

/** Asked for and not there: failed, masked, without a file, or itself not started for another. */
const isDown = (unit: Properties | undefined, id: string): boolean =>
  unit === undefined
    ? /\.(?:service|mount|socket)$/.test(id)
    : unit.ActiveState === 'failed' ||
      ['masked', 'not-found', 'bad-setting', 'error'].includes(unit.LoadState ?? '') ||
      (unit.SubState ?? '').startsWith('auto-restart') ||
      (unit.ActiveState === 'inactive' && /\.(?:service|mount|socket)$/.test(id))

/** The units below one that are down, the nearest first. */
function chainOf(id: string, shown: ReadonlyMap<string, Properties>, above: readonly string[] = []): string[] {
  const unit = shown.get(id)
  if (!unit || above.length > 8) return []
  const down = needsOf(unit).find((need) => !above.includes(need) && isDown(shown.get(need), need))
  return down === undefined ? [] : [down, ...chainOf(down, shown, [...above, id])]
}

const stateOf = (unit: Properties | undefined): string =>
  unit === undefined || unit.LoadState === 'not-found'
    ? 'does not exist'
    : unit.LoadState === 'masked'
      ? 'is masked'
      : unit.ActiveState === 'failed'
        ? 'has failed'
        : unit.ActiveState === 'inactive'
          ? 'does not run'
          : `is ${unit.ActiveState} (${unit.SubState})`

export const dependencyFailed: Check = {
  name: 'failed dependencies',
  topics: ['service'],
  async run(facts) {
    const [watched, shown, warnings] = await Promise.all([
      watchUnits(facts),
      showUnits(facts),
      facts.journal('warnings'),
    ])
    const told = new Map<string, LogLine>()
    const lines = [...watched.flatMap((each) => each.lines), ...warnings]
    for (const line of lines) if (MESSAGE.test(line.text) && line.unit !== '') told.set(line.unit, line)
    const stopped = watched.filter(({ state }) => state === 'stopped').map(({ id }) => id)
    const candidates = [...new Set([...told.keys(), ...stopped])]
    return candidates.flatMap((id) => {
      const unit = shown.get(id)
      if (unit?.ActiveState === 'active' || unit?.ActiveState === 'activating' || id.endsWith('.target')) return []
      const chain = chainOf(id, shown)
      const line = told.get(id)
      const root = chain.at(-1)
      if (root === undefined && line === undefined) return []
      const other = root === undefined ? 'another unit that it needs' : root
      return finding({
        cause: 'DEPENDENCY_FAILED',
        subject: id,
        title: `${id} was not started because ${other} ${root === undefined ? 'failed' : stateOf(shown.get(root))}`,
        confidence: line && root ? 0.97 : root ? 0.85 : 0.7,
        evidence: [
          ...(line ? [quoted(line)] : []),
          ...chain.map((each, i) =>
            seen(
              `systemctl show ${each}`,
              facts.now,
              `needed by ${i === 0 ? id : chain[i - 1]}: ${each} ${stateOf(shown.get(each))}`,
            ),
          ),
          ...(line || root ? [] : [seen(`systemctl show ${id}`, facts.now, 'not started')]),
        ],
        next: [
          next.journal(root ?? id),
          next.run(`systemctl list-dependencies ${id}`, 'What it needs, and how that is'),
        ],
        explains: [id],
      })
    })
  },
}
