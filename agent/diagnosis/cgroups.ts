// The limits of units and how near they are, as the kernel counts them: cgroup version 2, and version 1 with a tree for each controller.
import type { Host } from '../reality/host.ts'

export type Memory = { used: number; limit: number; failed: number; killed: number }
export type Tasks = { used: number; limit: number; failed: number }
export type Throttle = { periods: number; throttled: number }
export type Limits = { memory?: Memory; tasks?: Tasks; cpu?: Throttle }

/** What version 1 says when there is none. */
const NO_LIMIT = 2 ** 60

const figure = (text: string): number => (/^\d+$/.test(text.trim()) ? Number(text) : Number.POSITIVE_INFINITY)
/** `name figure` a line. */
const field = (text: string, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)

/** @param cgroup a path as /proc/<pid>/cgroup says it */
export function limitsOf(host: Host, cgroup: string): Limits {
  return host.exists('/sys/fs/cgroup/cgroup.controllers') ? second(host, cgroup) : first(host, cgroup)
}

function second(host: Host, cgroup: string): Limits {
  const read = (name: string): string => host.kernel(`/sys/fs/cgroup${cgroup}/${name}`)
  const [most, tasks, quota] = [read('memory.max'), read('pids.max'), read('cpu.max')]
  return {
    ...(figure(most) < NO_LIMIT && { memory: memoryOf(read, figure(most)) }),
    ...(figure(tasks) < NO_LIMIT && {
      tasks: { used: figure(read('pids.current')), limit: figure(tasks), failed: field(read('pids.events'), 'max') },
    }),
    ...(/^\d/.test(quota) && { cpu: throttle(read('cpu.stat')) }),
  }
}

/** The cache of files can be given back; it is no need. */
function memoryOf(read: (name: string) => string, limit: number): Memory {
  const [stat, events] = [read('memory.stat'), read('memory.events')]
  const used = field(stat, 'anon') + field(stat, 'kernel_stack') + field(stat, 'shmem')
  return { used, limit, failed: field(events, 'max'), killed: field(events, 'oom_kill') }
}

function first(host: Host, cgroup: string): Limits {
  const read = (controller: string, name: string): string =>
    host.kernel(`/sys/fs/cgroup/${controller}${cgroup}/${controller === 'cpu' ? '' : `${controller}.`}${name}`)
  const [most, tasks] = [read('memory', 'limit_in_bytes'), read('pids', 'max')]
  const quota = Number(host.kernel(`/sys/fs/cgroup/cpu${cgroup}/cpu.cfs_quota_us`) || -1)
  const stat = read('memory', 'stat')
  return {
    ...(figure(most) < NO_LIMIT && {
      memory: {
        used: field(stat, 'total_rss') + field(stat, 'total_shmem'),
        limit: figure(most),
        failed: figure(read('memory', 'failcnt')),
        killed: field(read('memory', 'oom_control'), 'oom_kill'),
      },
    }),
    ...(figure(tasks) < NO_LIMIT && {
      tasks: {
        used: figure(read('pids', 'current')),
        limit: figure(tasks),
        failed: field(read('pids', 'events'), 'max'),
      },
    }),
    ...(quota > 0 && { cpu: throttle(host.kernel(`/sys/fs/cgroup/cpu${cgroup}/cpu.stat`)) }),
  }
}

const throttle = (stat: string): Throttle => ({
  periods: field(stat, 'nr_periods'),
  throttled: field(stat, 'nr_throttled'),
})
