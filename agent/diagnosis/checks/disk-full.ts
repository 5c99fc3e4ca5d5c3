// File systems without space or inodes, what fills them, and space that no name leads to any more.
import { statfsSync } from 'node:fs'
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Mount } from '#proto/contract/reality.ts'
import type { Check, Facts, LogLine } from '../check.ts'
import { gib, percent } from '../figures.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { largest, type Walked, walk } from '../walk.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3
const WALK_MS = 900
const RESERVE_MS = 250
const QUOTA = /disk quota exceeded|\bEDQUOT\b/i
const NO_SPACE = /no space left on device|enospc|disk (?:is )?full/i
/** Where packages are unpacked and set up. */
const SYSTEM = /^\/(?:boot(?:\/.*)?|usr|var|var\/(?:lib|lib\/dpkg|cache|cache\/apt)|tmp)?$/
const SHORTLY_MS = 15 * 60_000
/** Whose used space is the sum of what lies there. Not what compresses, shares or layers. */
const ADDS_UP = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'tmpfs', 'f2fs', 'vfat'])

type Fill = { what: 'space' | 'inodes'; mount: Mount; used: number; severity: Finding['severity'] }

/** A share alone says little: 3 % of a large disk is much room. */
export function spaceOf(mount: Mount): Fill | undefined {
  const { total, available } = mount
  if (!total || available === undefined || mount.readOnly) return undefined
  const used = 1 - available / total
  const severity =
    available === 0 || (used >= 0.98 && available < GIB)
      ? 'critical'
      : used >= 0.95 && available < 5 * GIB
        ? 'high'
        : used >= 0.9 && available < 10 * GIB
          ? 'medium'
          : used >= 0.9
            ? 'low'
            : undefined
  return severity && { what: 'space', mount, used, severity }
}

export function inodesOf(mount: Mount): Fill | undefined {
  const { inodes, inodesFree } = mount
  if (!inodes || inodesFree === undefined || mount.readOnly) return undefined
  const used = 1 - inodesFree / inodes
  const severity = used >= 0.99 ? 'critical' : used >= 0.95 ? 'high' : used >= 0.9 ? 'medium' : undefined
  return severity && { what: 'inodes', mount, used, severity }
}

function told(fill: Fill, walked: Walked, complaints: readonly LogLine[], facts: Facts): Finding {
  const { mount, what, used } = fill
  const isSpace = what === 'space'
  const by = isSpace ? 'bytes' : 'entries'
  const places = largest(walked.directories, by, mount.path)
  const size = (place: { bytes: number; entries: number }): string =>
    isSpace ? gib(place.bytes) : `${place.entries} files`
  const from = `walk of ${mount.path}${walked.complete ? '' : ' (not all of it)'}`
  const most = isSpace ? (walked.files[0] ?? places[0]) : places[0]
  return finding({
    cause: isSpace ? 'DISK_FULL' : 'INODES_FULL',
    subject: mount.path,
    title: `${mount.path} has ${isSpace ? `${gib(mount.available ?? 0)} of ${gib(mount.total ?? 0)} left` : `${mount.inodesFree} of ${mount.inodes} inodes left`} (${percent(used)} used)${most ? `; most is in ${most.path}` : ''}`,
    severity: fill.severity,
    confidence: 0.98,
    evidence: [
      seen(`statfs ${mount.path}`, facts.now, `${percent(used)} of the ${what} used`),
      ...(isSpace && walked.files.length > 0
        ? [
            seen(
              from,
              facts.now,
              `largest files: ${walked.files.map((each) => `${each.path} ${size(each)}`).join(', ')}`,
            ),
          ]
        : []),
      ...(places.length > 0
        ? [seen(from, facts.now, `most is below: ${places.map((each) => `${each.path} ${size(each)}`).join(', ')}`)]
        : []),
      ...complaints.slice(-3).map(quoted),
    ],
    // While there is room, nobody fails for it: who does all the same has another trouble.
    explains: fill.severity === 'critical' ? usersOf(mount.path, facts) : [],
    next: [
      next.run(
        isSpace ? `du -xh --max-depth=2 ${shell(mount.path)}` : `du -x --inodes --max-depth=2 ${shell(mount.path)}`,
        'What takes it, in full',
      ),
      next.reality('mounts', 'All file systems'),
    ],
  })
}

/** Whose data are there; of the system's own places, the package manager's too. */
const usersOf = (path: string, { reality }: Facts): string[] => [
  ...(SYSTEM.test(path) ? ['PACKAGE_MANAGER_STUCK'] : []),
  ...reality.units.flatMap(({ id, directory }) => (path !== '/' && isUnder(directory, path) ? [id] : [])),
  ...reality.stores.flatMap(({ owner, dataDirectory }) => (owner && isUnder(dataDirectory, path) ? [owner.name] : [])),
]
const isUnder = (path: string | undefined, top: string): boolean =>
  path !== undefined && (path === top || path.startsWith(top === '/' ? '/' : `${top}/`))

const shell = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

/** What is used and lies nowhere: files that were deleted while somebody holds them open. */
function held({ mount, severity }: Fill, walked: Walked, facts: Facts): Finding[] {
  const used = usedOf(facts.host.at(mount.path))
  const nowhere = used - walked.bytes
  if (!walked.complete || !ADDS_UP.has(mount.kind) || nowhere < Math.max((mount.total ?? 0) * 0.1, 4 * MIB)) return []
  return [
    finding({
      cause: 'DELETED_FILES_HELD',
      subject: mount.path,
      title: `${gib(nowhere)} of ${mount.path} belong to files that were deleted and are still open in a process`,
      severity,
      confidence: 0.85,
      evidence: [
        seen(`statfs ${mount.path}`, facts.now, `${gib(used)} used`),
        seen(`walk of ${mount.path}`, facts.now, `${gib(walked.bytes)} in ${walked.entries} files`),
        ...holders(facts, mount.path),
      ],
      explains: [mount.path],
      next: [next.run('lsof -nP +L1', 'Which process holds them: its restart frees the space')],
    }),
  ]
}

/** What is kept back for root is not used. */
function usedOf(path: string): number {
  try {
    const { blocks, bfree, bsize } = statfsSync(path)
    return (blocks - bfree) * bsize
  } catch {
    return 0
  }
}

/** Only root sees what others hold. */
function holders({ host, reality, now }: Facts, top: string): Finding['evidence'] {
  return reality.processes
    .flatMap(({ owner, processes }) => processes.map((each) => ({ ...each, unit: owner.name })))
    .flatMap(({ pid, name, unit }) =>
      host.list(`/proc/${pid}/fd`).flatMap((fd) => {
        const path = host.link(`/proc/${pid}/fd/${fd}`)
        return path.endsWith(' (deleted)') && path.startsWith(top === '/' ? '/' : `${top}/`)
          ? [seen(`/proc/${pid}/fd/${fd}`, now, `${name} (${pid}${unit ? `, ${unit}` : ''}) holds ${path}`)]
          : []
      }),
    )
    .slice(0, 4)
}

/** There is room, and not for this account. */
function overQuota(recent: readonly LogLine[], { now }: Facts): Finding[] {
  const lines = recent.filter(({ at, unit, text }) => at > now - SHORTLY_MS && unit !== '' && QUOTA.test(text))
  return [...Map.groupBy(lines, ({ unit }) => unit)].map(([unit, those]) =>
    finding({
      cause: 'DISK_FULL',
      subject: unit,
      title: `${unit} has used up the space that its account, or its directory, may have: a quota`,
      confidence: 0.9,
      evidence: those.slice(-3).map(quoted),
      next: [next.run('repquota -a', 'Who may have how much'), next.journal(unit)],
      explains: [unit],
    }),
  )
}

export const diskFull: Check = {
  name: 'disk-full',
  topics: ['disk', 'logs'],
  async run(facts) {
    const { mounts } = facts.reality
    const fills = mounts.flatMap((mount) => [spaceOf(mount), inodesOf(mount)].filter((fill) => fill !== undefined))
    if (fills.length === 0) return overQuota(await facts.journal('recent'), facts)
    const complaints = (await facts.journal('recent')).filter(
      ({ at, text }) => at > facts.now - SHORTLY_MS && NO_SPACE.test(text),
    )
    const fullest = fills.toSorted((a, b) => b.used - a.used).slice(0, 6)
    // Each gets its share of the time that is there.
    const findings: Finding[] = []
    for (const [i, fill] of fullest.entries()) {
      const most = Math.min(WALK_MS, facts.left() - RESERVE_MS) / (fullest.length - i)
      const began = performance.now()
      const walked = await walk(facts.host, fill.mount.path, () => performance.now() - began > most)
      const here = complaints.filter(({ text }) => fullest.length === 1 || text.includes(fill.mount.path))
      if (fill.what === 'space') findings.push(...held(fill, walked, facts))
      findings.push(told(fill, walked, here, facts))
    }
    return findings
  },
}
