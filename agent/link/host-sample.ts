// One sample of the host for the heartbeat, from /proc and statfs: no process is started for it. Reading and parsing
// apart; the host's root is a parameter.
import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Heartbeat } from '#proto/gen/mttrly/agent/v1/Heartbeat.ts'

export type CpuTimes = { busy: number; total: number; cpus: number }

/** man 5 proc_stat; guest time is part of user time already. */
export function parseCpu(text: string): CpuTimes {
  const lines = text.split('\n')
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = (lines[0] ?? '')
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  const total = user + nice + system + idle + iowait + irq + softirq + steal
  return { busy: total - idle - iowait, total, cpus: lines.filter((line) => /^cpu\d/.test(line)).length }
}

/** Of all processors together, 0–100. */
export function cpuPercent(before: CpuTimes | undefined, now: CpuTimes): number {
  const total = now.total - (before?.total ?? 0)
  const busy = now.busy - (before?.busy ?? 0)
  return total > 0 ? Math.min(100, Math.max(0, Math.round((busy / total) * 1000) / 10)) : 0
}

/** man 5 proc_meminfo; bytes. */
export function parseMemory(text: string) {
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
  return {
    memoryTotal: field('MemTotal'),
    memoryAvailable: field('MemAvailable'),
    swapTotal: field('SwapTotal'),
    swapFree: field('SwapFree'),
  }
}

export function parseLoad(text: string) {
  const [load1 = 0, load5 = 0, load15 = 0] = text.split(' ').map(Number)
  return { load1, load5, load15 }
}

/** Of a disk of this host: statfs of a network file system can hang for as long as its server is away. */
const LOCAL = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'zfs',
  'f2fs',
  'jfs',
  'reiserfs',
  'bcachefs',
  'vfat',
  'overlay',
])
const MOST_DISKS = 32
const plainPath = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Mount points worth watching, each device once (man 5 fstab for the escapes). */
export function parseMounts(text: string): string[] {
  const byDevice = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [device = '', mount = '', kind = ''] = line.split(' ')
    const isRoot = mount === '/'
    if (!LOCAL.has(kind) || (kind === 'overlay' && !isRoot)) continue
    const known = byDevice.get(device)
    if (known === undefined || mount.length < known.length) byDevice.set(device, plainPath(mount))
  }
  return [...byDevice.values()].slice(0, MOST_DISKS)
}

async function sampleDisk(root: string, mount: string) {
  try {
    const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(join(root, mount))
    // As df counts: what is kept for root alone is neither used nor there to be used.
    return [
      { mount, total: (blocks - bfree + bavail) * bsize, available: bavail * bsize, inodes: files, inodesFree: ffree },
    ]
  } catch {
    return [] // unmounted meanwhile, or not ours to look at
  }
}

export function createSampler({ root, clock }: { root: string; clock: { now(): number } }): () => Promise<Heartbeat> {
  let before: CpuTimes | undefined
  const read = (path: string): Promise<string> => readFile(join(root, 'proc', path), 'utf8').catch(() => '')
  return async () => {
    const [stat, meminfo, loadavg, uptime, mounts] = await Promise.all(
      ['stat', 'meminfo', 'loadavg', 'uptime', 'self/mounts'].map(read),
    )
    const cpu = parseCpu(stat ?? '')
    const percent = cpuPercent(before, cpu)
    before = cpu
    const disks = await Promise.all(parseMounts(mounts ?? '').map((mount) => sampleDisk(root, mount)))
    return {
      at: clock.now(),
      cpuPercent: percent,
      ...parseMemory(meminfo ?? ''),
      ...parseLoad(loadavg ?? ''),
      cpus: cpu.cpus,
      uptimeS: Math.floor(Number.parseFloat(uptime || '0')),
      disks: disks.flat(),
    }
  }
}
