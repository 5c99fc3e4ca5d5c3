// What a scenario expects, and how a diagnosis is judged by it.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CAUSES, type Finding } from '#proto/contract/diagnosis.ts'

const SCENARIOS = fileURLToPath(new URL('./scenarios', import.meta.url))

export type Scenario = {
  name: string
  kind: string
  /** As a user would put it. */
  problem: string
  /** Any of these is the true cause: codes, and a pattern for the subject. */
  expected: string[]
  /** What is true then, too: consequences. */
  also: string[]
}
export type Judged = {
  name: string
  /** The first finding, or why there was none. */
  first: string
  right: boolean
  /** Findings above low, and how many of them are true. */
  above: number
  truly: number
  tookMs: number
}

/** All of them, or those that INCIDENTS names. */
export function scenarios(): Scenario[] {
  const only = process.env.INCIDENTS?.split(',')
  return readdirSync(SCENARIOS)
    .filter((name) => only === undefined || only.includes(name))
    .sort()
    .map((name) => ({ name, ...JSON.parse(readFileSync(`${SCENARIOS}/${name}/incident.json`, 'utf8')) }))
}

export const aboveLow = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ severity }) => severity !== 'low')

/** @param line `CAUSE|CAUSE pattern of the subject` */
export function matches(line: string, { cause, subject }: Finding): boolean {
  const [causes = '', ...pattern] = line.split(' ')
  return causes.split('|').includes(cause) && new RegExp(pattern.join(' ')).test(subject)
}

/** Codes that there are not: a typing error would never match. */
export const unknownCauses = ({ expected, also }: Scenario): string[] =>
  [...expected, ...also].flatMap((line) => (line.split(' ')[0] ?? '').split('|')).filter((cause) => !(cause in CAUSES))

export const brief = ({ severity, cause, subject }: Finding): string => `${severity} ${cause} ${subject}`

export function judge(scenario: Scenario, findings: readonly Finding[], tookMs: number): Judged {
  const [first] = findings
  const above = aboveLow(findings)
  const lines = [...scenario.expected, ...scenario.also]
  return {
    name: scenario.name,
    first: first ? brief(first) : 'nothing found',
    right: first !== undefined && scenario.expected.some((line) => matches(line, first)),
    above: above.length,
    truly: above.filter((finding) => lines.some((line) => matches(line, finding))).length,
    tookMs,
  }
}

export function figuresOf(judged: readonly Judged[]) {
  const sum = (of: (each: Judged) => number) => judged.reduce((total, each) => total + of(each), 0)
  const times = judged.map(({ tookMs }) => tookMs).sort((one, other) => one - other)
  return {
    scenarios: judged.length,
    recall: sum(({ right }) => Number(right)) / judged.length,
    precision:
      sum(({ truly }) => truly) /
      Math.max(
        1,
        sum(({ above }) => above),
      ),
    medianMs: times[Math.floor(times.length / 2)] ?? 0,
    worstMs: times.at(-1) ?? 0,
  }
}

export function table(judged: readonly Judged[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  const { scenarios, recall, precision, medianMs, worstMs } = figuresOf(judged)
  return [
    '| scenario | | first finding | above low: true of all | ms |',
    '|---|---|---|---|---|',
    ...judged.map(
      ({ name, right, first, truly, above, tookMs }) =>
        `| ${name} | ${right ? '' : 'MISSED'} | ${first} | ${truly} of ${above} | ${tookMs} |`,
    ),
    '',
    `${scenarios} scenarios: the first finding is the true cause in ${percent(recall)}; ${percent(precision)} of the findings` +
      ` above low are true; median ${medianMs} ms, worst ${worstMs} ms`,
  ].join('\n')
}
