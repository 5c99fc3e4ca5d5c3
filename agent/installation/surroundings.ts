// What an installation needs around it: a link, Central, the right time, room on the disk, a policy that can be
// understood, and no other guard in its way. None of this is mended by a repair, so it may differ from minute to minute.
import { statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import type { Drift } from '#proto/contract/installation.ts'
import { loadPolicy, type PolicyAnswer } from '../guard/policy.ts'
import { type Layout, layoutUnder } from './layout.ts'
import type { Look } from './look.ts'
import type { Outside } from './outside.ts'
import { isUnderWay, readUpdate, STEPS } from './update-record.ts'

export type Surroundings = {
  link: string | undefined
  central: { url: string; time: number | undefined } | undefined
  clockSynchronised: boolean | undefined
  freeBytes: ReadonlyMap<string, number>
  policy: PolicyAnswer | undefined
  /** What the host's owner allows alone; empty: any. */
  pinnedVersion: string
  update: string | undefined
  denials: Denial[]
}
export type Denial = { subject: string; what: string }

const HOST = layoutUnder('/')
/** An update keeps two versions, and may bring a runtime. */
const ROOM: readonly [place: 'home' | 'state', bytes: number][] = [
  ['home', 200_000_000],
  ['state', 20_000_000],
]
const CLOCK_OFF_MS = 60_000
const DENIALS_AT_MOST = 10

async function freeIn(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch {
    return undefined
  }
}

const fieldOf = (line: string, name: string): string | undefined =>
  new RegExp(`\\b${name}="?([^"\\s]+)`).exec(line)?.[1]

/** Lines of AppArmor (`apparmor="DENIED"`) and SELinux (`avc: denied`, not permissive) that name something of ours. */
export function parseDenials(lines: string): Denial[] {
  const denials = lines.split('\n').flatMap((line): Denial[] => {
    const apparmor = /apparmor="DENIED"/.test(line)
    const selinux = /avc:\s+denied\s+\{([^}]*)\}/.exec(line)
    if (!/mttrly/.test(line) || !(apparmor || (selinux && !/permissive=1/.test(line)))) return []
    const what = apparmor ? `AppArmor: ${fieldOf(line, 'operation')}` : `SELinux: ${selinux?.[1]?.trim()}`
    const subject = fieldOf(line, 'name') ?? fieldOf(line, 'path') ?? fieldOf(line, 'comm') ?? 'mttrly'
    return [{ subject, what }]
  })
  const unlike = new Map(denials.map((denial) => [`${denial.what} ${denial.subject}`, denial]))
  return [...unlike.values()].slice(0, DENIALS_AT_MOST)
}

function linkState(look: Look, layout: Layout): string | undefined {
  try {
    return String(JSON.parse(look.text(layout.linkReport) ?? '').state)
  } catch {
    return undefined
  }
}

export async function readSurroundings(
  look: Look,
  layout: Layout,
  outside: Outside,
  centralUrl: string | undefined,
): Promise<Surroundings> {
  const free = ROOM.map(async ([place]) => [HOST[place], await freeIn(layout[place])] as const)
  const [time, clockSynchronised, kernel, ...rooms] = await Promise.all([
    centralUrl === undefined ? undefined : outside.centralTime(centralUrl),
    outside.clockSynchronised(),
    outside.kernelLines(),
    ...free,
  ])
  const policy = await readPolicy(layout)
  return {
    link: linkState(look, layout),
    central: centralUrl === undefined ? undefined : { url: centralUrl, time },
    clockSynchronised,
    freeBytes: new Map(rooms.flatMap(([place, bytes]) => (bytes === undefined ? [] : [[place, bytes] as const]))),
    policy,
    pinnedVersion: policy?.ok ? (policy.policy.pinnedVersion ?? '') : '',
    update: updateUnderWay(look, layout),
    denials: parseDenials(kernel ?? ''),
  }
}

/** One that is being watched has done its work. */
function updateUnderWay(look: Look, layout: Layout): string | undefined {
  const record = readUpdate(look, layout)
  return record && isUnderWay(record) && record.step !== 'watching'
    ? `to ${record.to}: ${STEPS[record.step].says}`
    : undefined
}

export const readPolicy = async (layout: Layout): Promise<PolicyAnswer | undefined> =>
  isReadable(layout.policy) ? await loadPolicy(layout.config) : undefined

/** A pipe or a device in its place, or behind a link there, would be read for ever. */
function isReadable(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return true // none, or a link that leads nowhere: the guard knows what that means
  }
}

/** When Central says what time it is, no matter how the host came to its own. */
function clockDrift({ central, clockSynchronised }: Surroundings, now: number): Drift[] {
  const off = central?.time === undefined ? undefined : Math.round((now - central.time) / 1_000)
  if (off !== undefined && Math.abs(off) * 1_000 <= CLOCK_OFF_MS) return []
  if (off === undefined && clockSynchronised !== false) return []
  const was = off === undefined ? 'not synchronised' : `${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} Central`
  return [{ code: 'CLOCK_OFF', target: 'clock', was, should: 'that of Central' }]
}

/** `starting`: an agent that was started just now may well have no link yet. */
export function surroundingDrifts(facts: Surroundings & { starting?: boolean }, now: number): Drift[] {
  const { link = 'not running', central, freeBytes, policy, update, denials } = facts
  const drifts: Drift[] = clockDrift(facts, now)
  if (link !== 'up')
    drifts.push({ code: facts.starting ? 'LINK_STARTING' : 'LINK_DOWN', target: 'link', was: link, should: 'up' })
  if (central && central.time === undefined)
    drifts.push({ code: 'CENTRAL_UNREACHABLE', target: central.url, was: 'no answer', should: 'an answer' })
  for (const [place, least] of ROOM) {
    const free = freeBytes.get(HOST[place])
    if (free !== undefined && free < least)
      drifts.push({ code: 'DISK_LOW', target: HOST[place], was: megabytes(free), should: megabytes(least) })
  }
  if (policy?.ok === false)
    drifts.push({ code: 'POLICY_INVALID', target: HOST.policy, was: policy.why, should: 'a policy' })
  if (update !== undefined)
    drifts.push({ code: 'UPDATE_UNFINISHED', target: HOST.update, was: update, should: 'ended' })
  for (const { subject, what } of denials)
    drifts.push({ code: 'MAC_DENIED', target: subject, was: what, should: 'allowed' })
  return drifts
}

const megabytes = (bytes: number): string => `${Math.floor(bytes / 1_000_000)} MB free`
