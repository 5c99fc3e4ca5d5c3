// The health of an installation in the words that host and Central share: every difference that is looked for, what mends
// it, and the plan that a repair carries out. The host finds the differences and repairs; Central shows both to a person.
import { z } from 'zod'
import { canonicalBytes, sha256 } from './grant.ts'

/** What converge.sh does, in its order; a repair does all of them or those it needs. `files` brings the release's files first. */
export const PARTS = ['files', 'account', 'directories', 'pins', 'link', 'units', 'start', 'record'] as const
export type Part = (typeof PARTS)[number]

/** `broken`: it does not work. `weakened`: it works and protects less than it should. `warning`: it will not work for long. */
export type Severity = 'broken' | 'weakened' | 'warning'

type Mending =
  | { severity: Severity; says: string; part: Part }
  | { severity: Severity; says: string; part?: never; advice: string }

const RECOVER = 'Run the command of mttrly_bootstrap_recover on the host.'

export const DRIFTS = {
  RELEASE_UNSIGNED: {
    severity: 'broken',
    part: 'files',
    says: 'The manifest of the version in use is missing or not signed by the release key.',
  },
  FILE_MISSING: { severity: 'broken', part: 'files', says: 'A file of the release is missing.' },
  FILE_CHANGED: { severity: 'broken', part: 'files', says: 'A file of the release has another content.' },
  FILE_EXTRA: { severity: 'weakened', part: 'files', says: 'A file lies in a version that does not belong to it.' },
  PATH_MISSING: { severity: 'broken', part: 'directories', says: 'A directory or file is missing.' },
  PATH_KIND: {
    severity: 'broken',
    part: 'directories',
    says: 'Something else stands where a directory or file should be.',
  },
  PATH_MODE: { severity: 'weakened', part: 'directories', says: 'The permissions are not what they should be.' },
  PATH_OWNER: { severity: 'weakened', part: 'directories', says: 'The owner is not who it should be.' },
  ACCOUNT_MISSING: { severity: 'broken', part: 'account', says: 'An account of ours is missing.' },
  ACCOUNT_CHANGED: {
    severity: 'weakened',
    part: 'account',
    says: 'An account of ours has a shell, a home or groups that it should not have.',
  },
  ACCOUNT_IS_ROOT: {
    severity: 'broken',
    says: 'An account of ours is another name of root.',
    advice: 'Take its line out of /etc/passwd, find out who put it there, and run the installer again.',
  },
  LINK_WRONG: { severity: 'broken', part: 'link', says: 'A link leads elsewhere or is missing.' },
  UNIT_MISSING: { severity: 'broken', part: 'units', says: 'A unit file is missing.' },
  UNIT_CHANGED: { severity: 'weakened', part: 'units', says: 'A unit file differs from the release.' },
  UNIT_OVERRIDDEN: { severity: 'weakened', part: 'units', says: 'A drop-in or another file changes a unit.' },
  UNIT_MASKED: { severity: 'broken', part: 'units', says: 'A unit is masked.' },
  UNIT_STRAY: { severity: 'weakened', part: 'units', says: 'A unit of ours is there that this version does not have.' },
  UNIT_DISABLED: { severity: 'broken', part: 'start', says: 'A unit does not start with the host.' },
  UNIT_DOWN: { severity: 'broken', part: 'start', says: 'A unit does not run, or its door is not what it should be.' },
  PIN_MISSING: {
    severity: 'broken',
    says: 'What root believes (action key, release key, Central) is missing or cannot be read.',
    advice: RECOVER,
  },
  RECORD_MISSING: {
    severity: 'warning',
    part: 'record',
    says: 'The record of what was installed is missing or cannot be read.',
  },
  STATE_DAMAGED: {
    severity: 'broken',
    says: 'Something that only root and the daemon may look at is damaged.',
    advice: 'mttrly-agent repair --strategy full_convergence makes it anew.',
  },
  IDENTITY_MISSING: {
    severity: 'broken',
    says: 'The host is not enrolled, or its identity cannot be used.',
    advice: RECOVER,
  },
  IDENTITY_MISMATCH: {
    severity: 'broken',
    says: 'The daemon and the act lane believe to be different servers.',
    advice: RECOVER,
  },
  CERTIFICATE_EXPIRED: { severity: 'broken', says: 'The certificate has expired.', advice: RECOVER },
  CERTIFICATE_EXPIRING: {
    severity: 'warning',
    says: 'The certificate is past the time at which it should have been renewed.',
    advice: 'It is renewed over the link; look why the link is down.',
  },
  LINK_DOWN: {
    severity: 'broken',
    says: 'The agent has no stream to Central.',
    advice: 'journalctl -u mttrly-agent says why; the port of the link must be open.',
  },
  LINK_STARTING: {
    severity: 'warning',
    says: 'The agent has just started and is still connecting to Central.',
    advice: 'Ask again in half a minute.',
  },
  CENTRAL_UNREACHABLE: {
    severity: 'broken',
    says: 'Central cannot be reached from this host.',
    advice: 'Check name resolution, route, proxy and firewall.',
  },
  CLOCK_OFF: {
    severity: 'warning',
    says: 'The clock is away from that of Central, or Central does not answer and nothing synchronises it.',
    advice: 'timedatectl set-ntp true',
  },
  DISK_LOW: {
    severity: 'warning',
    says: 'A file system that the agent needs is nearly full.',
    advice: 'Make room; an update needs about 200 MB.',
  },
  POLICY_INVALID: {
    severity: 'broken',
    says: 'policy.yaml cannot be understood, so that everything is forbidden.',
    advice: "Correct the file; it is the host owner's.",
  },
  UPDATE_UNFINISHED: {
    severity: 'warning',
    says: 'An update was begun and has not ended.',
    advice: 'systemctl status "mttrly-update@*" on the host.',
  },
  MAC_DENIED: {
    severity: 'warning',
    says: 'SELinux or AppArmor has denied the agent something.',
    advice: 'Look at the denials and correct the policy.',
  },
} as const satisfies Record<string, Mending>

export type DriftCode = keyof typeof DRIFTS
export const isDriftCode = (code: string): code is DriftCode => Object.hasOwn(DRIFTS, code)
export const partOf = (code: DriftCode): Part | undefined => (DRIFTS[code] as { part?: Part }).part

/** `diff`: the lines of a unified diff, where both sides are a text that is known; for the eye alone. */
export type Drift = { code: DriftCode; target: string; was: string; should: string; diff?: string[] }

export const STRATEGIES = ['issue_driven', 'full_convergence', 'lane_reprovision', 'uninstall'] as const
export const Strategy = z.enum(STRATEGIES)
export type Strategy = z.infer<typeof Strategy>

/** `drifts`: what will be mended, sorted. The digest binds an approval to them: another host, or another state, is another plan. */
export type RepairPlan = { strategy: Strategy; parts: readonly Part[]; drifts: readonly Drift[]; digest: string }

const LANES: readonly Part[] = ['units', 'start', 'record']

/**
 * What a repair would do about these differences. `issues` names the codes to mend and counts for `issue_driven` alone.
 * Whoever computes it from the same differences gets the same digest; it holds the hashes of what differs, not the lines.
 */
export function planRepair(strategy: Strategy, found: readonly Drift[], issues: readonly DriftCode[] = []): RepairPlan {
  const wanted = (drift: Drift): boolean => {
    const part = partOf(drift.code)
    if (part === undefined || strategy === 'uninstall') return false
    if (strategy === 'full_convergence') return true
    if (strategy === 'lane_reprovision')
      return LANES.includes(part) && (drift.target.includes('mttrly-lane-') || part === 'record')
    return issues.includes(drift.code)
  }
  const drifts = found.filter(wanted).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const touched = new Set(drifts.map(({ code }) => partOf(code)))
  const all = { full_convergence: PARTS, lane_reprovision: LANES, uninstall: [], issue_driven: undefined }[strategy]
  const parts = all ?? PARTS.filter((part) => touched.has(part) || (part === 'record' && drifts.length > 0))
  const bound = drifts.map(({ code, target, was, should }) => ({ code, target, was, should }))
  return { strategy, parts, drifts, digest: sha256(canonicalBytes({ strategy, parts, drifts: bound })) }
}

/** What brings files from Central; what is too much is only removed. */
const FETCHED: readonly DriftCode[] = ['RELEASE_UNSIGNED', 'FILE_MISSING', 'FILE_CHANGED']
export const bringsFiles = ({ strategy, drifts }: RepairPlan): boolean =>
  strategy !== 'uninstall' && drifts.some(({ code }) => FETCHED.includes(code))

/** A plan as a person reads it: for every difference what is there now, and what will be. */
export const diffOf = ({ drifts }: Pick<RepairPlan, 'drifts'>): string[] =>
  drifts.flatMap(({ code, target, was, should, diff = [] }) => [
    `  ${target} (${code})`,
    ...(diff.length > 0 ? diff : [`- ${was}`, `+ ${should}`]),
  ])

const keyOf = ({ code, target, was, should }: Drift): string => [code, target, was, should].join('\0')
