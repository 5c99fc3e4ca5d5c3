// `mttrly-agent doctor`: the health of this installation, on the host itself and without Central.
import { parseArgs } from 'node:util'
import { DRIFTS, type Drift, partOf } from '#proto/contract/installation.ts'
import { asTold } from './as-told.ts'
import { readIdentityFacts, whyUnusable } from './identity-facts.ts'
import { layoutUnder } from './layout.ts'
import { createLook } from './look.ts'
import type { Command } from './main.ts'
import { createOutside } from './outside.ts'
import { readPolicy } from './surroundings.ts'
import { type Survey, surveyInstallation } from './survey.ts'

const HEALTHY_EXIT = 0
const DRIFTS_EXIT = 1
const UNUSABLE_EXIT = 3

export const surveyHere = (): Promise<Survey> =>
  surveyInstallation({ layout: layoutUnder('/'), now: Date.now, outside: createOutside() })

function describe(drift: Drift): string[] {
  const { code } = drift
  const { severity, says } = DRIFTS[code]
  const part = partOf(code)
  const advice = part ? `mttrly-agent repair --strategy issue_driven --issues ${code}` : adviceFor(code)
  return [
    `${severity} ${code} ${drift.target}`,
    `  ${says}`,
    ...(drift.diff?.map((line) => `  ${line}`) ?? [`  - was     ${drift.was}`, `  + should  ${drift.should}`]),
    `  -> ${advice}`,
  ]
}

const adviceFor = (code: Drift['code']): string => (DRIFTS[code] as { advice?: string }).advice ?? ''

const date = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** For a person at a terminal. */
export function report({ version, drifts, unseen, certificateExpiresAt, pinnedVersion }: Survey): string {
  const facts = [
    `mttrly agent ${version || '(version unknown)'}`,
    ...(certificateExpiresAt > 0 ? [`certificate until ${date(certificateExpiresAt)}`] : []),
    ...(pinnedVersion ? [`held at ${pinnedVersion} by policy.yaml`] : []),
  ]
  const blind = unseen.length > 0 ? [`not seen, for want of permission (run it as root): ${unseen.join(', ')}`, ''] : []
  const healthy = unseen.length > 0 ? 'nothing wrong in what could be seen' : 'healthy'
  const verdict = drifts.length === 0 ? [healthy] : drifts.flatMap((drift) => [...describe(asTold(drift)), ''])
  return `${[facts.join(', '), '', ...blind, ...verdict].join('\n').trimEnd()}\n`
}

export const doctor: Command = async (args) => {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } } })
  const survey = await surveyHere()
  process.stdout.write(
    values.json ? `${JSON.stringify({ ...survey, drifts: survey.drifts.map(asTold) })}\n` : report(survey),
  )
  return survey.drifts.length === 0 ? HEALTHY_EXIT : DRIFTS_EXIT
}

/** Whether policy.yaml can be understood; else says on standard output why not. */
export const policy: Command = async () => {
  const answer = await readPolicy(layoutUnder('/'))
  if (answer?.ok === false) process.stdout.write(`${answer.why}\n`)
  return answer?.ok === false ? UNUSABLE_EXIT : HEALTHY_EXIT
}

/** Whether this host can go on as who it is; else says on standard output why not. */
export const identity: Command = async () => {
  const why = whyUnusable(readIdentityFacts(createLook(), layoutUnder('/')), Date.now())
  if (why !== undefined) process.stdout.write(`${why}\n`)
  return why === undefined ? HEALTHY_EXIT : UNUSABLE_EXIT
}
