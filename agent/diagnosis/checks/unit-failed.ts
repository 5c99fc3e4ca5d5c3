// A unit that has failed, or is started over and over: with the reason that it gave last. What lies behind it, where another
// check can tell, stands before this.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Check, Facts } from '../check.ts'
import { exitReason } from '../exit-codes.ts'
import { dependentsOf } from '../needs.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { lastWords, type Watched, watchUnits } from '../units.ts'

const RESULTS: Record<string, string> = {
  timeout: 'it did not say in time that it is ready, or did not end in time',
  watchdog: 'it did not report to its watchdog in time',
  'core-dump': 'it crashed and left a core dump',
  signal: 'a signal ended it',
  'oom-kill': 'it ran out of memory',
  protocol: 'it did not do what its Type= promises',
  resources: 'systemd could not set up what it needs',
  'exec-condition': 'its ExecCondition= says no',
  'service-start-limit-hit': 'the service that it starts ended too often',
  'trigger-limit-hit': 'it was triggered too often',
}

const reasonOf = ({ unit, exit }: Watched): string =>
  RESULTS[unit.result] ??
  exitReason(exit) ??
  (unit.load !== 'loaded' ? `its file cannot be loaded (${unit.load})` : unit.health.why)

const SAID_MOST = 200
/** Without the word that would be cut: half a token has no shape that the redactor, which comes later, knows. */
const shortened = (text: string): string =>
  text.length > SAID_MOST ? `${text.slice(0, SAID_MOST).replace(/\S{1,200}$/, '')}…` : text

function describe(watched: Watched, { now }: Facts, dependents: readonly string[]): Finding {
  const { id, unit, state, lines } = watched
  const loops = state === 'looping'
  const reason = reasonOf(watched)
  const words = lastWords(lines)
  const last = words.findLast(({ identifier }) => identifier !== 'systemd')
  const said = last ? `; it said last "${shortened(last.text.trim())}"` : ''
  return finding({
    cause: loops ? 'UNIT_CRASH_LOOP' : 'UNIT_FAILED',
    subject: id,
    title: `${id} ${loops ? 'ends and is started over and over' : 'has failed'}: ${reason}${said}`,
    confidence: 0.95,
    evidence: [
      seen(
        unit.health.evidence.source,
        now,
        `${unit.active} (${unit.sub}), result ${unit.result}, ${unit.restarts} restarts`,
      ),
      ...words.map(quoted),
    ],
    explains: [...dependents],
    next: [next.journal(id), ...(unit.file ? [next.read(unit.file, 'How it is started')] : [])],
  })
}

export const unitFailed: Check = {
  name: 'units that failed or crash',
  topics: ['service'],
  async run(facts) {
    const watched = await watchUnits(facts)
    return watched
      .filter(({ state }) => state === 'failed' || state === 'looping')
      .map((each) => describe(each, facts, dependentsOf(each.id, facts)))
  },
}
