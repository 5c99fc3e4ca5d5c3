// A unit that should run and does not: stopped, never started, ended by itself; of one that is not enabled only where the
// problem names it.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Check, Facts } from '../check.ts'
import { dependentsOf, needsOf } from '../needs.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { isAbout, isNamed, isOwn, type Watched, watchUnits } from '../units.ts'

const STOPPED = /^Stopp(?:ed|ing) /
const ENDED = /: (?:Deactivated successfully|Succeeded\.)/
/** Units that systemd itself starts when they are wanted. */
const BY_NEED =
  /^(?:systemd-|getty@|console-getty|serial-getty@|dbus|user@|user-runtime-dir@|emergency|rescue|modprobe@|plymouth)/

function how({ lines, unit }: Watched): string {
  if (lines.some(({ text, identifier }) => identifier === 'systemd' && STOPPED.test(text))) return 'it was stopped'
  if (lines.some(({ text, identifier }) => identifier === 'systemd' && ENDED.test(text)))
    return 'it ended by itself, without an error'
  return unit.since === undefined ? 'it was never started since the host booted' : 'it does not run'
}

function describe(watched: Watched, facts: Facts, named: boolean, dependents: readonly string[] = []): Finding {
  const { id, unit, lines } = watched
  const enabled = unit.startup.startsWith('enabled')
  return finding({
    cause: 'UNIT_NOT_STARTED',
    subject: id,
    title: `${id} is ${unit.startup || 'there'} and does not run: ${how(watched)}`,
    severity: enabled || named ? 'high' : 'low',
    confidence: enabled && named ? 0.95 : enabled ? 0.85 : named ? 0.8 : 0.5,
    evidence: [
      seen(unit.health.evidence.source, facts.now, `${unit.startup}, ${unit.active} (${unit.sub})`),
      ...lines
        .filter(({ text }) => STOPPED.test(text) || ENDED.test(text))
        .slice(-2)
        .map(quoted),
    ],
    explains: [...dependents],
    next: [next.journal(id), next.run(`systemctl start ${id}`, 'Starts it, once somebody has approved')],
  })
}

export const unitStopped: Check = {
  name: 'units that should run',
  topics: ['service'],
  async run(facts) {
    const watched = await watchUnits(facts)
    return watched.flatMap((each) => {
      const { id, unit, state } = each
      const { type, triggered } = needsOf(facts, id)
      const named = isNamed(facts, id)
      if (unit.kind === 'timer' || BY_NEED.test(id) || triggered) return []
      if (state === 'stopped') return [describe(each, facts, named, dependentsOf(id, facts))]
      // A oneshot that has done its work is as it should be, and what nobody named is nobody's loss.
      const wanted = isOwn(unit) ? named || isAbout(facts, id) : named && unit.startup !== 'static'
      const idle =
        state === 'idle' && wanted && unit.kind === 'service' && type !== 'oneshot' && unit.active === 'inactive'
      return idle ? [describe(each, facts, true, dependentsOf(id, facts))] : []
    })
  },
}
