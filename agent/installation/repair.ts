// `mttrly-agent repair`: shows as a diff what would be mended, and with the digest of exactly that plan mends it. Central
// has a plan approved and runs this as an ordinary granted action; an administrator may as well.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import {
  bringsFiles,
  DRIFTS,
  type Drift,
  type DriftCode,
  diffOf,
  isDriftCode,
  planRepair,
  type RepairPlan,
  STRATEGIES,
  type Strategy,
} from '#proto/contract/installation.ts'
import { whileLocked } from '../process/lock.ts'
import { runScript } from '../process/script.ts'
import { asTold } from './as-told.ts'
import { surveyHere } from './doctor.ts'
import { stageRelease } from './fetch-release.ts'
import { type Layout, layoutUnder, lockIn } from './layout.ts'
import type { Command } from './main.ts'
import type { Survey } from './survey.ts'

const EXIT = { done: 0, notMended: 1, usage: 2, refused: 4 } as const
/** Of converge.sh: everything is in place, and the link is not up yet. */
const NOT_CONNECTED = 6
const PATIENCE_MS = 180_000

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const complain = (text: string): void => void process.stderr.write(`mttrly-agent repair: ${text}\n`)

/** `manifest`: the SHA-256 of the one whose files may be brought, where that was approved too. */
type Wish = { strategy: Strategy; issues: DriftCode[]; digest: string | undefined; manifest: string | undefined }

function parseWish(args: readonly string[]): Wish | { why: string } {
  const text = { type: 'string' } as const
  const options = { strategy: text, issues: text, plan: text, manifest: text }
  const { values } = parseArgs({ args: [...args], options })
  const strategy = STRATEGIES.find((each) => each === values.strategy)
  if (!strategy) return { why: `--strategy is one of ${STRATEGIES.join(', ')}` }
  const issues = (values.issues ?? '').split(',').filter(Boolean)
  const unknown = issues.filter((code) => !isDriftCode(code))
  if (unknown.length > 0) return { why: `no such issue: ${unknown.join(', ')}` }
  if ((strategy === 'issue_driven') !== issues.length > 0)
    return { why: 'issue_driven, and it alone, takes --issues CODE,CODE' }
  if (values.manifest !== undefined && !/^[0-9a-f]{64}$/.test(values.manifest))
    return { why: '--manifest is the SHA-256 of a manifest' }
  return { strategy, issues: issues.filter(isDriftCode), digest: values.plan, manifest: values.manifest }
}

/** What a person is asked to agree to. */
export function describePlan({ strategy, parts, drifts, digest }: RepairPlan): string {
  const steps = strategy === 'uninstall' ? 'everything of the agent is removed from this host' : parts.join(', ')
  return [`${strategy}: ${steps || 'nothing to mend'}`, ...diffOf({ drifts }), `plan ${digest}`].join('\n')
}

function adviseOn({ issues }: Wish): void {
  for (const code of issues) {
    const { advice } = DRIFTS[code] as { advice?: string }
    if (advice !== undefined) say(`${code} is not mended by a repair. ${advice}`)
  }
}

export const repair: Command = async (args) => {
  const wish = parseWish(args)
  if ('why' in wish) {
    complain(wish.why)
    return EXIT.usage
  }
  if (process.getuid?.() !== 0) {
    complain('this needs root')
    return EXIT.refused
  }
  const layout = layoutUnder('/')
  if (wish.digest === undefined) return await planned(wish, layout)
  const code = await whileLocked(lockIn(layout), 0, () => planned(wish, layout))
  if (code === undefined)
    complain('an installation, an update or another repair is under way: try again when it has ended.')
  return code ?? EXIT.notMended
}

/** Found anew in any case: it is carried out if it is still the plan that was approved. */
async function planned(wish: Wish, layout: Layout): Promise<number> {
  const survey = await surveyHere()
  const plan = planRepair(wish.strategy, survey.drifts.map(asTold), wish.issues)
  say(describePlan(plan))
  adviseOn(wish)
  if (wish.digest === undefined) {
    const issues = wish.issues.length > 0 ? ` --issues ${wish.issues.join(',')}` : ''
    say(`nothing was changed; to do it: mttrly-agent repair --strategy ${plan.strategy}${issues} --plan ${plan.digest}`)
    return EXIT.done
  }
  if (wish.digest !== plan.digest) {
    complain('this is not the plan that was approved: the host has changed since. Nothing was done; plan again.')
    return EXIT.refused
  }
  return carryOut(plan, survey, layout, wish.manifest)
}

async function carryOut(plan: RepairPlan, survey: Survey, layout: Layout, manifest?: string): Promise<number> {
  const version = join(layout.versions, survey.version)
  if (plan.strategy === 'uninstall') return run(['/bin/bash', join(version, 'uninstall.sh')])
  if (bringsFiles(plan) && !(await bringFiles(survey, layout, manifest))) return EXIT.refused
  removeExtra(asFound(survey, plan), layout)
  const rest = plan.parts.filter((part) => part !== 'files')
  if (rest.length > 0) {
    const reopen = plan.strategy === 'lane_reprovision' ? ['--reopen'] : []
    const code = await run(['/bin/bash', join(version, 'converge.sh'), '--only', rest.join(','), ...reopen])
    if (code !== 0 && code !== NOT_CONNECTED) return EXIT.notMended
  }
  return verdict(plan, await surveyHere())
}

async function bringFiles({ version }: Survey, layout: Layout, manifestSha256?: string): Promise<boolean> {
  const host = { layout, installed: version, now: Date.now(), arch: process.arch }
  const staged = await stageRelease({ ...host, version, ...(manifestSha256 && { manifestSha256 }) })
  if (staged.ok) return true
  const advice = staged.why === 'another_version' ? ' Update to that one instead: it brings all of its files.' : ''
  complain(`the files of ${version} could not be brought: ${staged.detail}.${advice} Nothing was changed.`)
  return false
}

/** The plan's differences as they were found. */
const asFound = (survey: Survey, plan: RepairPlan): Drift[] =>
  survey.drifts.filter((drift) => plan.drifts.some((told) => isDeepStrictEqual(told, asTold(drift))))

/** Only what lies below our own directory, and what the plan named. */
function removeExtra(drifts: readonly Drift[], layout: Layout): void {
  for (const { code, target } of drifts)
    if (code === 'FILE_EXTRA' && target.startsWith(`${layout.home}/`)) rmSync(target, { recursive: true, force: true })
}

async function run(argv: readonly string[]): Promise<number> {
  const { code, said } = await runScript(argv, PATIENCE_MS)
  process.stdout.write(said)
  return code
}

/** What was planned and is still so; what else is wrong is the doctor's to tell. */
function verdict(plan: RepairPlan, after: Survey): number {
  const found = after.drifts.map(asTold)
  const still = plan.drifts.filter(({ code, target }) =>
    found.some((drift) => drift.code === code && drift.target === target),
  )
  const others = after.drifts.length - still.length
  say(still.length === 0 ? `mended: ${plan.drifts.length}` : ['not mended:', ...diffOf({ drifts: still })].join('\n'))
  if (others > 0) say(`the doctor knows of ${others} more: mttrly-agent doctor`)
  return still.length === 0 ? EXIT.done : EXIT.notMended
}
