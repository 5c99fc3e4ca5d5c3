// `host.mjs updater`: what the unit mttrly-update@<version>.service starts. It carries the update that update.json speaks of
// to its end, from wherever it stands; the machine is in update-steps.ts, and this file is its hands on a real host.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ask } from '../process/ask.ts'
import { whileLocked } from '../process/lock.ts'
import { runScript } from '../process/script.ts'
import { stageRelease } from './fetch-release.ts'
import { GATE, type GateLimits, type Observation } from './gate.ts'
import { type Layout, layoutUnder, lockIn } from './layout.ts'
import { createLook, type Look } from './look.ts'
import type { Command } from './main.ts'
import { observe } from './observe.ts'
import { tidy } from './tidy.ts'
import { readUpdate, type UpdateRecord, writeUpdate } from './update-record.ts'
import { runUpdate, type UpdateHost } from './update-steps.ts'

const CONVERGE_MS = 240_000
const LOCK_SECONDS = 120
const BUSY = 'an installation or a repair is under way'
const LOOK_EVERY_MS = 1_000
const SAID_AT_MOST = 500

export const updaterUnit = (version: string): string => `mttrly-update@${version}.service`

/** When this systemd began: another one each time the machine or the container starts. Its boot_id is not, in a container. */
export const thisStart = async (): Promise<string> =>
  (await ask(['systemctl', 'show', '--value', '--property=UserspaceTimestampMonotonic'], 10_000))?.trim() ?? ''

/** Seconds, from the unit's arguments; what is not given is as in gate.ts. */
function limitsFrom(args: readonly string[]): GateLimits {
  const seconds = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { stable: seconds, stranded: seconds, probation: seconds } })
  const ms = (text: string | undefined, otherwise: number): number => {
    const given = Number(text ?? Number.NaN) * 1_000
    return given > 0 ? given : otherwise
  }
  return {
    ...GATE,
    stableMs: ms(values.stable, GATE.stableMs),
    strandedMs: ms(values.stranded, GATE.strandedMs),
    probationMs: ms(values.probation, GATE.probationMs),
  }
}

/** The line that says why, and what led to it. */
const lastWords = (said: string): string => said.trim().slice(-SAID_AT_MOST).replaceAll('\n', ' ')

async function untilSeen(look: Look, layout: Layout, version: string): Promise<Observation> {
  for (;;) {
    await delay(LOOK_EVERY_MS)
    const seen = await observe(look, layout, version)
    if (seen) return seen
  }
}

/** A run of the act lane holds on to the version that it was started from. */
const actionsRun = async (): Promise<boolean> =>
  (await ask(['systemctl', 'list-units', '--plain', '--no-legend', 'mttrly-lane-act@*'], 10_000)) !== ''

async function realHost(layout: Layout, limits: GateLimits, to: string): Promise<UpdateHost> {
  const look = createLook()
  const alone = <T>(act: () => Promise<T>) => whileLocked(lockIn(layout), LOCK_SECONDS, act)
  return {
    ...{ limits, start: await thisStart(), now: Date.now },
    save: (record) => writeUpdate(layout, record),
    async stage({ from, to, manifestSha256 }) {
      const wanted = { layout, version: to, manifestSha256, installed: from, now: Date.now(), arch: process.arch }
      return (await alone(() => stageRelease(wanted))) ?? { ok: false, detail: BUSY }
    },
    async converge(version) {
      const script = join(layout.versions, version, 'converge.sh')
      const end = await alone(() => runScript(['/bin/bash', script, '--supervised'], CONVERGE_MS))
      if (!end) return BUSY
      return end.code === 0 ? undefined : `converge.sh of ${version} ended with ${end.code}: ${lastWords(end.said)}`
    },
    observe: () => untilSeen(look, layout, to),
    async cleanUp({ step, from, to }: UpdateRecord) {
      if (step !== 'done') tidy(layout, (version) => version === to)
      else if (!(await actionsRun())) tidy(layout, (version) => version !== from)
      await runScript(['systemctl', 'disable', '--quiet', updaterUnit(from)], 30_000)
    },
  }
}

export const updater: Command = async (args) => {
  const layout = layoutUnder('/')
  const record = readUpdate(createLook(), layout)
  if (!record) return 0
  const { step, to, why } = await runUpdate(record, await realHost(layout, limitsFrom(args), record.to))
  process.stdout.write(`${to}: ${step}${why === undefined ? '' : ` (${why})`}\n`)
  return 0
}
