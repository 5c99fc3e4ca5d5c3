// The host owner's own law, policy.yaml: Central can be narrower, never wider. Checked inside the lanes, which import
// this room. A file that cannot be understood forbids everything and says why.
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Approvals, compileApprovals } from './approvers.ts'
import { compileFileRules, denying, type FileRules } from './file-rules.ts'

export const LANE_NAMES = ['read', 'inspect', 'docker', 'act'] as const
export type LaneName = (typeof LANE_NAMES)[number]
export type Policy = {
  /** Nothing may change the host: `act` is refused. */
  readOnly: boolean
  lanes: Record<LaneName, boolean>
  /** Absolute paths that read-only commands do not see. */
  deniedPaths: readonly string[]
  /** Which files may be read, and which may be written; what is denied above is denied here. */
  files: FileRules
  /** Whether Central's word is enough for what changes the host. */
  approvals: Approvals
  /** An update to any other version is refused. */
  pinnedVersion?: string | undefined
}
export type PolicyAnswer = { ok: true; policy: Policy } | { ok: false; why: string }

const ALL_LANES: Policy['lanes'] = { read: true, inspect: true, docker: true, act: true }
const KEYS = new Set(['read_only', 'lanes', 'denied_paths', 'files', 'approvals', 'approvers', 'pinned_version'])
const LANES = new Set<string>(LANE_NAMES)

type Plain = Record<string, unknown>
const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value)
/** A pattern would be taken for a name, and hide nothing. */
const isPath = (value: unknown): value is string => typeof value === 'string' && /^\/[^\0*?[\]]*$/.test(value)

const RULES: [wrong: (policy: Plain) => boolean, why: string][] = [
  [(policy) => Object.keys(policy).some((key) => !KEYS.has(key)), `knows only ${[...KEYS].join(', ')}`],
  [({ read_only }) => read_only !== undefined && typeof read_only !== 'boolean', 'read_only is true or false'],
  [
    ({ lanes }) =>
      lanes !== undefined &&
      !(isPlain(lanes) && Object.entries(lanes).every(([name, on]) => LANES.has(name) && typeof on === 'boolean')),
    'lanes holds read, inspect, docker and act, each true or false',
  ],
  [
    ({ denied_paths }) => denied_paths !== undefined && !(Array.isArray(denied_paths) && denied_paths.every(isPath)),
    'denied_paths is a list of absolute paths without patterns',
  ],
  [
    ({ pinned_version }) =>
      pinned_version !== undefined &&
      !(typeof pinned_version === 'string' && /^\d+\.\d+\.\d+(-[\w.-]+)?$/.test(pinned_version)),
    'pinned_version is a version, such as 1.2.0',
  ],
]

/** What a parsed policy file means. None, or one of nothing but comments, means the defaults. */
export function compilePolicy(content: unknown): PolicyAnswer {
  const given = content ?? {}
  if (!isPlain(given)) return { ok: false, why: 'is not a mapping' }
  const broken = RULES.find(([wrong]) => wrong(given))
  if (broken) return { ok: false, why: broken[1] }
  const files = compileFileRules(given.files)
  if (!files.ok) return files
  const approvals = compileApprovals(given)
  if (!approvals.ok) return approvals
  const deniedPaths = (given.denied_paths as string[] | undefined) ?? []
  return {
    ok: true,
    policy: {
      readOnly: (given.read_only as boolean | undefined) ?? false,
      lanes: { ...ALL_LANES, ...(given.lanes as Partial<Policy['lanes']> | undefined) },
      deniedPaths,
      files: denying(files.rules, deniedPaths),
      approvals: approvals.approvals,
      pinnedVersion: given.pinned_version as string | undefined,
    },
  }
}

/** What somebody meant to be a policy and is none: a link that leads nowhere, the other spelling of the name. */
async function misplaced(configDirectory: string): Promise<string | undefined> {
  for (const [name, why] of [
    ['policy.yaml', 'is a link that leads nowhere'],
    ['policy.yml', 'is its only name: there is a policy.yml'],
  ] as const)
    if (await lstat(join(configDirectory, name)).catch(() => undefined)) return why
  return undefined
}

/** Reads `policy.yaml` of that directory; none means the defaults. */
export async function loadPolicy(configDirectory: string): Promise<PolicyAnswer> {
  try {
    const text = await readFile(join(configDirectory, 'policy.yaml'), 'utf8')
    // Many editors empty what they are about to write: for that moment nothing would be forbidden.
    if (text.trim() === '') return { ok: false, why: 'is empty' }
    const { default: yaml } = await import('yaml') // only hosts that have a policy pay for its parser
    return compilePolicy(yaml.parse(text))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const misplacedWhy = code === 'ENOENT' ? await misplaced(configDirectory) : undefined
    if (misplacedWhy) return { ok: false, why: misplacedWhy }
    if (code === 'ENOENT') return compilePolicy(undefined)
    return { ok: false, why: `cannot be read (${code ?? 'it is not YAML'})` }
  }
}

export type Refusal = { code: 'POLICY_DENIED'; details: { reason: string; source: 'host_policy' } }

/** Whether the host's owner lets this lane work at all. */
export function refuseLane(answer: PolicyAnswer, lane: LaneName): Refusal | undefined {
  const refusal = (reason: string): Refusal => ({ code: 'POLICY_DENIED', details: { reason, source: 'host_policy' } })
  if (!answer.ok) return refusal(`policy.yaml ${answer.why}`)
  if (!answer.policy.lanes[lane]) return refusal(`the ${lane} lane is switched off on this server`)
  if (lane === 'act' && answer.policy.readOnly) return refusal('this server is read-only')
  return undefined
}
