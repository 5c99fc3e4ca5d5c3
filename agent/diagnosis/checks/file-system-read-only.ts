// A file system that was writable and is no more: the kernel does that after an error, and people forget it.
import type { Check, Facts, LogLine } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { unitText } from '../units.ts'

/** Of ordinary disks. What is read-only by its nature (squashfs, iso9660, erofs) is not among them. */
const WRITABLE = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'f2fs',
  'jfs',
  'vfat',
  'tmpfs',
  'nfs',
  'nfs4',
  'cifs',
])
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

function wantedReadOnly({ host, reality }: Facts, path: string): boolean {
  const inFstab = host
    .text('/etc/fstab')
    .split('\n')
    .some((line) => {
      const [, where, , options = ''] = line.trim().split(/\s+/)
      return where === path && !line.trim().startsWith('#') && options.split(',').includes('ro')
    })
  const unit = reality.units.find(
    ({ kind, file }) => kind === 'mount' && file && host.text(file).includes(`Where=${path}\n`),
  )
  return inFstab || (unit?.file !== undefined && /^Options=(?:.*,)?ro(?:,|$)/m.test(host.text(unit.file)))
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
    const paths = those.flatMap(({ text }) => text.match(/\/[\w./@+-]+/g) ?? [])
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
        `${mount.path} is mounted read-only over a file system that is writable, and ${id} wants to write there`,
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
    const unwanted = readOnly.filter(({ path }) => !wantedReadOnly(facts, path))
    if (unwanted.length === 0) return shutOff(recent, seenLast, facts)
    return unwanted.map(({ path, device, kind, superOptions }) => {
      const remounted = kernel.filter(({ text }) => REMOUNTED.test(text) && mentions(text, device))
      const complaints = recent.filter(({ at, text }) => at > now - SHORTLY_MS && COMPLAINT.test(text))
      const users = [
        ...reality.units.filter((unit) => isIn(unit.directory, path)).map(({ id }) => id),
        ...reality.stores.filter((store) => isIn(store.dataDirectory, path)).map(({ software }) => software),
      ]
      const sure = remounted.length + complaints.length + users.length > 0 || superOptions.includes('errors=remount-ro')
      return finding({
        cause: 'FILE_SYSTEM_READ_ONLY',
        subject: path,
        title: `${path} (${kind} on ${device}) is mounted read-only, and nothing says that it should be`,
        // Memory has no errors of a disk, and a program may have made itself such a place.
        severity: path === '/' || remounted.length > 0 ? 'critical' : sure || kind !== 'tmpfs' ? 'high' : 'low',
        confidence: sure ? 0.95 : 0.75,
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
  },
}

const last = (lines: readonly LogLine[]) => lines.slice(-2).map(quoted)
const mentions = (text: string, device: string): boolean => text.includes(device.split('/').at(-1) ?? device)
const isIn = (path: string | undefined, top: string): boolean =>
  path !== undefined && (path === top || path.startsWith(top === '/' ? '/' : `${top}/`))
