// File systems: what is mounted, how full it is, and what fstab wants and is not there.
import { statfsSync } from 'node:fs'
import type { Mount } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import type { Host } from '../host.ts'

export type MountLine = { device: string; path: string; kind: string; options: string[] }

/** statfs of a network file system can hang for as long as its server is away, so only local ones are asked. */
const LOCAL = new Set('ext2 ext3 ext4 xfs btrfs zfs f2fs jfs bcachefs vfat overlay tmpfs'.split(' '))
const NETWORK = new Set('nfs nfs4 cifs smb3 ceph glusterfs fuse.sshfs fuse.glusterfs 9p virtiofs fuse.s3fs'.split(' '))
const FULL = 0.95
const NEARLY_FULL = 0.85

/** /proc/mounts and fstab have one form (man 5 fstab); blanks in names are octal. */
export function parseMounts(text: string): MountLine[] {
  const plain = (word = ''): string =>
    word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
  return text.split('\n').flatMap((line) => {
    const [device, path, kind = '', options = ''] = line.trim().split(/\s+/)
    if (!device || device.startsWith('#') || !path) return []
    return [{ device: plain(device), path: plain(path), kind, options: options.split(',') }]
  })
}

type Space = { total: number; available: number; inodes: number; inodesFree: number }

function spaceOf(host: Host, path: string): Space | undefined {
  try {
    const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(host.at(path))
    // As df counts: what is kept for root alone is neither used nor there to be used.
    return { total: (blocks - bfree + bavail) * bsize, available: bavail * bsize, inodes: files, inodesFree: ffree }
  } catch {
    return undefined // unmounted meanwhile, or behind a directory that may not be entered
  }
}

function judgeMount(mount: MountLine, space: Space | undefined, wanted: MountLine | undefined, at: number) {
  const readOnly = mount.options.includes('ro')
  if (readOnly && wanted && !wanted.options.includes('ro'))
    return judge(
      'failed',
      'mounted read-only, while fstab wants it writable: often after an error of the disk',
      '/proc/mounts',
      at,
    )
  if (!space || space.total === 0 || readOnly) return judge('ok', 'mounted', '/proc/mounts', at)
  const full = Math.max(1 - space.available / space.total, space.inodes > 0 ? 1 - space.inodesFree / space.inodes : 0)
  const state = full >= FULL ? 'failed' : full >= NEARLY_FULL ? 'degraded' : 'ok'
  const of = space.inodes > 0 && 1 - space.inodesFree / space.inodes === full ? 'inodes' : 'space'
  return judge(state, `${Math.floor(full * 100)} % of its ${of} used`, `statfs ${mount.path}`, at)
}

export function readMounts(host: Host): Mount[] {
  const wanted = parseMounts(host.text('/etc/fstab'))
  const mounted = parseMounts(
    host.text('/proc/1/mounts', 1024 * 1024) || host.text('/proc/mounts', 1024 * 1024),
  ).filter(
    ({ kind, path, device }) =>
      NETWORK.has(kind) || (LOCAL.has(kind) && isOfTheHost(path, device) && (kind !== 'overlay' || path === '/')),
  )
  // The last mount on a path is the one that is seen.
  const seen = new Map(mounted.map((mount) => [mount.path, mount]))
  const described = [...seen.values()].map((mount) => {
    const space = LOCAL.has(mount.kind) && !host.hides(mount.path) ? spaceOf(host, mount.path) : undefined
    return {
      path: mount.path,
      device: mount.device,
      kind: mount.kind,
      readOnly: mount.options.includes('ro'),
      ...space,
      health: judgeMount(
        mount,
        space,
        wanted.find(({ path }) => path === mount.path),
        host.now,
      ),
    }
  })
  const absent = wanted.filter(
    ({ path, options, kind }) =>
      path.startsWith('/') &&
      kind !== 'swap' &&
      !options.includes('noauto') &&
      !seen.has(path.replace(/(.)\/$/, '$1')) &&
      (LOCAL.has(kind) || NETWORK.has(kind)),
  )
  return [
    ...described,
    ...absent.map(({ path, device, kind, options }) => ({
      path,
      device,
      kind,
      readOnly: options.includes('ro'),
      health: judge('failed', 'in fstab, and not mounted', '/etc/fstab', host.now),
    })),
  ]
}

/** Not the layers of containers, nor what systemd and snap mount for themselves. */
const isOfTheHost = (path: string, device: string): boolean =>
  !/^\/(?:proc|sys|snap|run\/(?!media)|dev\/|var\/lib\/(?:docker|containers|containerd|kubelet|lxcfs)\/)/.test(path) &&
  device !== 'none'
