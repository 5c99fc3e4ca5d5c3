// A file system that was writable and is no more: the kernel does that after an error, and people forget it.
import type { Check, Facts, LogLine } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { unitText } from '../units.ts'

/** Of this host, and ordinary: what is read-only by its nature (squashfs, iso9660) or by its server (nfs, cifs) is not among them. */
const WRITABLE = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'jfs', 'vfat', 'tmpfs'])
/** Of systems that are made to be read-only, and of what systemd mounts for itself. */
const BY_DESIGN = /^\/(?:usr|boot|efi|sysroot|nix|ostree|oem|snap|run|proc|sys|dev)(?:\/|$)/
const REMOUNTED = /remounting filesystem read-only|remounted read-only|forced readonly|shut down filesystem/i
const COMPLAINT = /read-only file ?system|erofs/i
const SHORTLY_MS = 30 * 60_000

type Line = { path: string; kind: string; device: string; options: string[]; superOptions: string[] }

/** man 5 proc: what one mount allows, and after the dash what the file system itself does. */
export function parseMountinfo(text: string): Line[] {
  const plain = (word = ''): string =>
    word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , , path = '', options = ''] = before.split(' ')
    const [kind = '', device = '', superOptions = ''] = after.split(' ')
    if (!path || !kind) return []
    return [{ path: plain(path), kind, device, options: options.split(','), superOptions: superOptions.split(',') }]
  })
}

/** How fstab or a unit wants it; of what programs mount by themselves, nobody says. */
function wished({ host, reality }: Facts, path: string): 'ro' | 'rw' | undefined {
  const inFstab = host
    .text('/etc/fstab')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([device = '', where]) => where === path && !device.startsWith('#'))
  const unit = reality.units
    .flatMap(({ kind, file }) => (kind === 'mount' && file ? [host.text(file)] : []))
    .find((text) => text.includes(`Where=${path}\n`))
  if (!inFstab && unit === undefined) return undefined
  const readOnly = inFstab?.[3]?.split(',').includes('ro') || /^Options=(?:.*,)?ro(?:,|$)/m.test(unit ?? '')
  return readOnly ? 'ro' : 'rw'
}

const SANDBOX =
  /^[ \t]*(?:ProtectSystem|ProtectHome|ReadOnlyPaths|ReadOnlyDirectories|TemporaryFileSystem|BindReadOnlyPaths|DynamicUser)[ \t]*=.*$/gm

/** Its file system is writable, and the place is not: by a mount of its own, or for one unit alone (man 5 systemd.exec). */
function shutOff(recent: readonly LogLine[], mounts: readonly Line[], facts: Facts) {
  const lines = recent.filter(
    ({ at, text, unit }) => unit !== '' && at > facts.now - SHORTLY_MS && COMPLAINT.test(text),
  )
  return [...Map.groupBy(lines, ({ unit }) => unit)].flatMap(([id, those]) => {
    const unit = facts.reality.units.find((each) => each.id === id)
    const settings = unit ? [...unitText(facts, unit).matchAll(SANDBOX)].map(([setting]) => setting.trim()) : []
    const paths = those.flatMap(({ text }) => pathsIn(text))
    const mount = mounts.find(
      ({ path, options }) => path !== '/' && options.includes('ro') && paths.some((each) => isIn(each, path)),
    )
    const tell = (subject: string, title: string, evidence: ReturnType<typeof seen>[]) =>
      finding({
        cause: 'FILE_SYSTEM_READ_ONLY',
        subject,
        title,
        confidence: 0.9,
        impact: [`${id} cannot write`],
        evidence: [...last(those), ...evidence],
        next: [next.run(`systemctl cat ${id}`, 'What it may write: ReadWritePaths='), next.journal(id)],
        explains: [id],
      })
    if (mount)
      return tell(
        mount.path,
        `${mount.path} is mounted read-only${mount.superOptions.includes('ro') ? '' : ' over a file system that is writable'}, and ${id} wants to write there`,
        [
          seen(
            '/proc/1/mountinfo',
            facts.now,
            `${mount.path} ${mount.options.join(',')}; ${mount.device} ${mount.superOptions.join(',')}`,
          ),
        ],
      )
    if (settings.length === 0) return []
    return tell(
      id,
      `${id} finds read-only what is writable on this host: its own unit shuts it off (${settings.join(', ')})`,
      [seen(unit?.file ?? id, facts.now, settings.join(', '))],
    )
  })
}

export const fileSystemReadOnly: Check = {
  name: 'file-system-read-only',
  topics: ['disk', 'kernel', 'permissions'],
  async run(facts) {
    const { host, now, reality } = facts
    const lines = parseMountinfo(
      host.text('/proc/1/mountinfo', 1024 * 1024) || host.text('/proc/self/mountinfo', 1024 * 1024),
    )
    // The last mount on a path is the one that is seen.
    const seenLast = [...new Map(lines.map((line) => [line.path, line])).values()]
    const readOnly = seenLast.filter(
      // A read-only bind mount is somebody's wish: there the file system itself is writable.
      ({ kind, path, superOptions }) => WRITABLE.has(kind) && superOptions.includes('ro') && !BY_DESIGN.test(path),
    )
    const [kernel, recent] = await Promise.all([facts.journal('kernel'), facts.journal('recent')])
    const unwanted = readOnly.filter(({ path }) => wished(facts, path) !== 'ro')
    const found = unwanted.map(({ path, device, kind, superOptions }) => {
      const remounted = kernel.filter(({ text }) => REMOUNTED.test(text) && mentions(text, device))
      const units = reality.units.filter((unit) => isIn(unit.directory, path)).map(({ id }) => id)
      const stores = reality.stores.filter((store) => isIn(store.dataDirectory, path)).map(({ software }) => software)
      const users = [...units, ...stores]
      const complaints = recent.filter(
        ({ at, text, unit }) =>
          at > now - SHORTLY_MS &&
          COMPLAINT.test(text) &&
          (units.includes(unit) || pathsIn(text).some((each) => isIn(each, path))),
      )
      const sure = remounted.length + complaints.length + stores.length > 0
      // Programs mount read-only what they only read.
      const missed = sure || path === '/' || wished(facts, path) === 'rw'
      return finding({
        cause: 'FILE_SYSTEM_READ_ONLY',
        subject: path,
        title: `${path} (${kind} on ${device}) is mounted read-only, and nothing says that it should be`,
        severity: path === '/' || remounted.length > 0 ? 'critical' : missed ? 'high' : 'low',
        confidence: sure || superOptions.includes('errors=remount-ro') ? 0.95 : missed ? 0.75 : 0.5,
        impact: users,
        evidence: [
          seen('/proc/1/mountinfo', now, `${device} ${path} ${kind} ${superOptions.join(',')}`),
          ...last(remounted),
          ...last(complaints),
        ],
        explains: path === '/' ? [] : users,
        next: [
          next.run(
            `dmesg | grep -i -e ${/^[\w/.-]+$/.test(device) ? device.split('/').at(-1) : 'ext4'} -e remount`,
            'Why the kernel did it',
          ),
          next.reality('mounts', 'All file systems'),
        ],
      })
    })
    return found.some(({ severity }) => severity !== 'low') ? found : [...shutOff(recent, seenLast, facts), ...found]
  },
}

const last = (lines: readonly LogLine[]) => lines.slice(-2).map(quoted)
const pathsIn = (text: string): string[] => text.match(/\/[\w./@+-]+/g) ?? []
const mentions = (text: string, device: string): boolean => text.includes(device.split('/').at(-1) ?? device)
const isIn = (path: string | undefined, top: string): boolean =>
  path !== undefined && (path === top || path.startsWith(top === '/' ? '/' : `${top}/`))
