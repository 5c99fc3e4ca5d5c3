// `mttrly-agent update --to VERSION --manifest SHA256`: asks the updater of the version in use for it, follows what it does
// and says how it went. It may be ended at any time: the update goes on in its own unit.
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { isVersion } from '#proto/contract/release.ts'
import { syncDirectory } from '../files/durable-file.ts'
import { loadPolicy } from '../guard/policy.ts'
import { ask } from '../process/ask.ts'
import { whileLocked } from '../process/lock.ts'
import { runScript, type ScriptEnd } from '../process/script.ts'
import { type Layout, layoutUnder, lockIn } from './layout.ts'
import { createLook, type Look } from './look.ts'
import type { Command } from './main.ts'
import { isUnderWay, readUpdate, STEPS, type UpdateRecord, writeUpdate } from './update-record.ts'
import { thisStart, updaterUnit } from './updater.ts'

const EXIT = { done: 0, fault: 1, usage: 2, refused: 4, rolledBack: 7 } as const
const LOOK_EVERY_MS = 250
/** How often a start that was lost is made again. */
const STARTS = 5
/** Central may stay away for long; whoever waits for the answer need not. */
const AWAY_AT_MOST_MS = 120_000

const say = (text: string): void => void process.stdout.write(`mttrly: ${text}\n`)

type Wish = { to: string; manifestSha256: string }

function wishFrom(args: readonly string[]): Wish | undefined {
  const options = { to: { type: 'string' }, manifest: { type: 'string' } } as const
  const { to = '', manifest = '' } = parseArgs({ args: [...args], options }).values
  return isVersion(to) && /^[0-9a-f]{64}$/.test(manifest) ? { to, manifestSha256: manifest } : undefined
}

/** What stands against it before anything is begun; what the release itself says is for the updater to judge. */
async function whyNot({ to }: Wish, from: string, look: Look, layout: Layout): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'an update is made by root'
  if (!isVersion(from)) return `${layout.current} does not say which version is in use: repair the installation first`
  const answer = await loadPolicy(layout.config)
  if (!answer.ok) return `policy.yaml ${answer.why}`
  const { pinnedVersion = to } = answer.policy
  if (pinnedVersion !== to) return `policy.yaml of this host allows ${pinnedVersion} alone (pinned_version)`
  const present = readUpdate(look, layout)
  if (present && isUnderWay(present) && look.at(join(layout.versions, present.from))) {
    await goOn(present.from) // it goes on, should nobody be at it
    return `an update to ${present.to} is under way: ${STEPS[present.step].says}`
  }
  return undefined
}

const goOn = (version: string) =>
  runScript(['systemctl', 'start', '--no-block', '--quiet', updaterUnit(version)], 30_000)

/**
 * Enabled before there is anything to do, which its unit takes for nothing: once the record is there, the next start of the
 * machine ends what we do not.
 */
async function begin(wish: Wish, from: string, layout: Layout): Promise<UpdateRecord> {
  const [now, start] = [Date.now(), await thisStart()]
  const begun = { ...wish, step: 'requested', from, start, found: 0, requestedAt: now, changedAt: now } as const
  const enabled = await runScript(['systemctl', 'enable', '--quiet', updaterUnit(from)], 30_000)
  if (enabled.code !== 0) throw notStarted(enabled)
  syncDirectory(join(layout.units, 'multi-user.target.wants'))
  syncDirectory(layout.units)
  writeUpdate(layout, begun)
  const started = await goOn(from)
  if (started.code !== 0) throw notStarted(started)
  return begun
}

const notStarted = ({ said }: ScriptEnd): Error => new Error(`the updater could not be started: ${said.trim()}`)

type End = { code: number; says: string }

/** What there is to say at this record, if it is time to say anything. */
function endOf({ step, to, from, why = '', centralAway, changedAt }: UpdateRecord): End | undefined {
  if (step === 'watching') return { code: EXIT.done, says: `updated to ${to}; it is watched for a while` }
  if (step === 'done') return { code: EXIT.done, says: `updated to ${to}` }
  if (step === 'abandoned') return { code: EXIT.refused, says: `not updated, nothing was changed: ${why}` }
  if (step === 'rolled_back') return { code: EXIT.rolledBack, says: `${from} is in use again: ${why}` }
  if (step === 'trying' && centralAway && Date.now() - changedAt >= AWAY_AT_MOST_MS)
    return { code: EXIT.done, says: `${to} is installed; Central does not answer, and it is watched until it does` }
  return undefined
}

async function follow({ from, requestedAt }: UpdateRecord, look: Look, layout: Layout): Promise<End> {
  let again = STARTS
  for (let told = ''; ; await delay(LOOK_EVERY_MS)) {
    const atWork = (await ask(['systemctl', 'show', '-P', 'ActiveState', updaterUnit(from)], 10_000))?.trim()
    const record = readUpdate(look, layout) // after the look at the unit: what it wrote at its end is seen
    if (record?.requestedAt !== requestedAt)
      return { code: EXIT.fault, says: 'what the update had reached cannot be read any more' }
    const end = endOf(record)
    if (end) return end
    if (record.step !== told) say(STEPS[record.step].says)
    told = record.step
    // The updater of the update before was still ending, and took our start for its own.
    if (atWork === 'inactive' && record.step === 'requested' && again > 0) {
      again -= 1
      await goOn(from)
    } else if (atWork === 'inactive' || atWork === 'failed')
      return { code: EXIT.fault, says: `the updater has ended: journalctl -u ${updaterUnit(from)} says why` }
  }
}

export const update: Command = async (args) => {
  const wish = wishFrom(args)
  if (!wish) {
    process.stderr.write('usage: mttrly-agent update --to VERSION --manifest SHA256\n')
    return EXIT.usage
  }
  const [layout, look] = [layoutUnder('/'), createLook()]
  const from = basename(look.target(layout.current) ?? '')
  if (from === wish.to) {
    say(`${wish.to} is in use already`)
    return EXIT.done
  }
  const tryIt = async () => (await whyNot(wish, from, look, layout)) ?? (await begin(wish, from, layout))
  const begun = (await whileLocked(lockIn(layout), 0, tryIt)) ?? 'an installation or a repair is under way'
  if (typeof begun === 'string') {
    say(`not updated, nothing was changed: ${begun}`)
    return EXIT.refused
  }
  say(`from ${from} to ${wish.to}`)
  const { code, says } = await follow(begun, look, layout)
  say(says)
  return code
}
