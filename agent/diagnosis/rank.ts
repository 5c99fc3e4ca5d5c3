// Which findings there are, and which comes first: what brings others about stands before them and tells them as its effects, and
// what the problem speaks of comes before the rest.
import { type DiagnosisQuestion, type Finding, SEVERITIES } from '#proto/contract/diagnosis.ts'
import { bringsAbout, isEffect } from './effects.ts'

const WEIGHT: Record<Finding['severity'], number> = { critical: 4, high: 3, medium: 2, low: 0.5 }
const TOUCHED = 0.5
const NAMED = 1
const IMPACT_MOST = 20
const EVIDENCE_MOST = 10

export type Ranked = { finding: Finding; touched: boolean }

const speaksOf = ({ problem, subject }: DiagnosisQuestion, finding: Finding): boolean => {
  const bare = finding.subject.replace(/\.(?:service|timer|socket)$/, '')
  return finding.subject === subject || bare === subject || (bare.length > 3 && problem.includes(bare))
}

const scoreOf = ({ finding, touched }: Ranked, question: DiagnosisQuestion): number =>
  WEIGHT[finding.severity] * (0.4 + 0.6 * finding.confidence) +
  // What nobody suffers from is not what was asked about.
  (finding.severity === 'low' ? 0 : (touched ? TOUCHED : 0) + (speaksOf(question, finding) ? NAMED : 0))

/** The likeliest root first, each with its effects. */
export function rank(found: readonly Ranked[], question: DiagnosisQuestion): Finding[] {
  return order(found, question).reduce(gather, []).map(tell)
}

/** A root is as weighty as the worst that it brings about, and stands before it. */
function order(found: readonly Ranked[], question: DiagnosisQuestion): Finding[] {
  const findings = found.map(({ finding }) => finding)
  const scores = new Map(found.map((each) => [each.finding, scoreOf(each, question)]))
  const own = (finding: Finding): number => scores.get(finding) ?? 0
  const below = new Map(findings.map((root) => [root, findings.filter((other) => bringsAbout(root, other))]))
  const places = new Map(
    findings.map((finding) => {
      const reached = reach(finding, below)
      return [finding, { weight: Math.max(...[...reached].map(own)), height: reached.size }]
    }),
  )
  const of = (finding: Finding) => places.get(finding) ?? { weight: 0, height: 0 }
  return findings.toSorted((a, b) => of(b).weight - of(a).weight || of(b).height - of(a).height || own(b) - own(a))
}

/** Itself, and all that it brings about at any distance. */
function reach(root: Finding, below: ReadonlyMap<Finding, readonly Finding[]>): Set<Finding> {
  const reached = new Set([root])
  for (const each of reached) for (const next of below.get(each) ?? []) reached.add(next)
  return reached
}

type Group = [root: Finding, ...effects: Finding[]]

/** An effect joins the first root that it, or another effect of that root, comes from. */
function gather(groups: Group[], finding: Finding): Group[] {
  const group = groups.find(
    ([root, ...effects]) => root.severity !== 'low' && [root, ...effects].some((each) => isEffect(each, finding)),
  )
  if (group) group.push(finding)
  else groups.push([finding])
  return groups
}

/** As grave as the worst of it all. */
const tell = ([root, ...effects]: Group): Finding => ({
  ...root,
  severity:
    SEVERITIES.find((severity) => [root, ...effects].some((each) => each.severity === severity)) ?? root.severity,
  impact: [...new Set([...root.impact, ...effects.map(({ title }) => title)])].slice(0, IMPACT_MOST),
  evidence: [...root.evidence, ...effects.flatMap(({ evidence }) => evidence.slice(0, 1))].slice(0, EVIDENCE_MOST),
})
