// `docker stats`: what each container uses, worked out of two looks as the engine's own program does it.
import { nameOf } from './containers.ts'
import { idOf, listing } from './listing.ts'
import { type Row, size } from './print.ts'
import type { Listed, Stats } from './shapes.ts'

const percent = (part: number, whole: number): string => `${whole > 0 ? ((100 * part) / whole).toFixed(2) : '0.00'}%`

function statsOf({ cpu_stats: cpu, precpu_stats: before, memory_stats: memory, ...stats }: Stats): Row {
  const used = cpu.cpu_usage.total_usage - before.cpu_usage.total_usage
  const passed = (cpu.system_cpu_usage - before.system_cpu_usage) / Math.max(1, cpu.online_cpus)
  const cache = memory.stats.inactive_file ?? memory.stats.total_inactive_file ?? 0
  const net = Object.values(stats.networks)
  const total = (numbers: number[]): number => numbers.reduce((sum, each) => sum + each, 0)
  const blocks = (op: string): number =>
    total(
      (stats.blkio_stats.io_service_bytes_recursive ?? []).flatMap((each) =>
        each.op.toLowerCase() === op ? [each.value] : [],
      ),
    )
  return {
    CPUPerc: percent(used, passed),
    MemUsage: `${size(Math.max(0, memory.usage - cache))} / ${size(memory.limit)}`,
    MemPerc: percent(Math.max(0, memory.usage - cache), memory.limit),
    NetIO: `${size(total(net.map((each) => each.rx_bytes)))} / ${size(total(net.map((each) => each.tx_bytes)))}`,
    BlockIO: `${size(blocks('read'))} / ${size(blocks('write'))}`,
    PIDs: String(stats.pids_stats.current),
  }
}

export const stats = listing(
  {
    ID: 'CONTAINER ID',
    Name: 'NAME',
    CPUPerc: 'CPU %',
    MemUsage: 'MEM USAGE / LIMIT',
    MemPerc: 'MEM %',
    NetIO: 'NET I/O',
    BlockIO: 'BLOCK I/O',
    PIDs: 'PIDS',
  },
  async (asked, { engine }) => {
    const found = await engine.containers({ all: asked.has('-a', '--all') || asked.operands.length > 0 })
    const isMeant = (each: Listed): boolean =>
      asked.operands.length === 0 || asked.operands.some((name) => name === nameOf(each) || each.Id.startsWith(name))
    const one = async (each: Listed) => ({
      ID: idOf(each.Id, asked),
      Name: nameOf(each),
      ...statsOf(await engine.stats(each.Id)),
    })
    return Promise.all(found.filter(isMeant).slice(0, 50).map(one))
  },
)
