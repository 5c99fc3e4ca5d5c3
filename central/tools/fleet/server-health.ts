// The numbers of a server's latest heartbeat, in the shape that several tools answer with.
import { z } from 'zod'
import type { Heartbeat__Output as Heartbeat } from '#proto/gen/mttrly/agent/v1/Heartbeat.ts'
import { plainText } from '../../domain/text.ts'
import { iso } from '../action-view.ts'

const percent = z.number().min(0).max(100)

export const Health = z.object({
  sampled_at: z.string(),
  cpu_percent: percent,
  memory: z.object({ total_bytes: z.number(), used_bytes: z.number(), used_percent: percent }),
  swap: z.object({ total_bytes: z.number(), used_bytes: z.number(), used_percent: percent }),
  disks: z.array(
    z.object({
      mount: z.string(),
      total_bytes: z.number(),
      used_bytes: z.number(),
      used_percent: percent,
      inodes_used_percent: percent,
    }),
  ),
  load: z.object({ one: z.number(), five: z.number(), fifteen: z.number(), cpus: z.number() }),
  uptime_s: z.number(),
})
export type Health = z.infer<typeof Health>

const share = (used: number, total: number): number =>
  total > 0 ? Math.round(Math.min(1, Math.max(0, used / total)) * 1000) / 10 : 0
const usage = (total: number, free: number) => ({
  total_bytes: total,
  used_bytes: Math.max(0, total - free),
  used_percent: share(total - free, total),
})

export function healthOf(sample: Heartbeat): Health {
  return {
    sampled_at: iso(sample.at),
    cpu_percent: Math.round(Math.min(100, Math.max(0, sample.cpuPercent)) * 10) / 10,
    memory: usage(sample.memoryTotal, sample.memoryAvailable),
    swap: usage(sample.swapTotal, sample.swapFree),
    disks: sample.disks.map((disk) => ({
      mount: plainText(disk.mount),
      ...usage(disk.total, disk.available),
      inodes_used_percent: share(disk.inodes - disk.inodesFree, disk.inodes),
    })),
    load: { one: sample.load1, five: sample.load5, fifteen: sample.load15, cpus: sample.cpus },
    uptime_s: sample.uptimeS,
  }
}
