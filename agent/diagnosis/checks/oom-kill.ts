// Processes that the kernel ended because memory ran out: of the whole host, or of one unit that has a limit.
import type { Finding } from '#proto/contract/diagnosis.ts'
import { limitsOf } from '../cgroups.ts'
import type { Check, Facts, LogLine } from '../check.ts'
import { gib } from '../figures.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { settingsOf, unitText, type Watched, watchUnits } from '../units.ts'

const KILLED =
  /^(?:\[[\d. ]+\] )?(Memory cgroup out of memory|Out of memory)(?:: Killed process| \(oom_kill_allocating_task\): Killed process) (\d+) \(([^)]*)\)/
const CGROUP = /task_memcg=(\S+?),task=/
const OOMD = /^Killed (\/\S+) due to memory (?:pressure|used)/
/** Older than this, it is history unless the unit is down for it. */
const SHORTLY_MS = 30 * 60_000

export type Kill = { at: number; name: string; pid: number; unit: string; ofUnit: boolean; line: LogLine }

/** From the kernel's own lines: whose memory ran out, and who had to go. */
export function killsIn(lines: readonly LogLine[]): Kill[] {
  let cgroup = ''
  return lines.flatMap((line): Kill[] => {
    cgroup = CGROUP.exec(line.text)?.[1] ?? cgroup
    const [, kind = '', pid, name = ''] = KILLED.exec(line.text) ?? []
    if (pid === undefined) return []
    const unit = /([^/]+\.(?:service|scope))(?:\/|$)/.exec(cgroup)?.[1] ?? ''
    cgroup = ''
    return [{ at: line.at, name, pid: Number(pid), unit, ofUnit: kind.startsWith('Memory'), line }]
  })
}

function told({ at, name, pid, unit, ofUnit, line }: Kill, times: number, facts: Facts): Finding {
  const subject = unit || name
  return finding({
    cause: 'OOM_KILL',
    subject,
    title: `The kernel ended ${name} (${pid})${unit ? ` of ${unit}` : ''}: ${ofUnit ? 'the unit used all memory that it may have' : 'the host had no memory left'}${times > 1 ? `, ${times} times` : ''}`,
    severity: at > facts.now - SHORTLY_MS ? 'high' : 'low',
    confidence: 0.97,
    evidence: [quoted(line)],
    explains: unit ? [unit] : [],
    next: [
      ...(unit ? [next.journal(unit), next.run(`systemctl show ${unit} -p MemoryMax,MemoryCurrent`, 'Its limit')] : []),
      next.run('journalctl -k -g oom --no-pager -n 50', 'All that the kernel says about it'),
    ],
  })
}

function fromKernel(lines: readonly LogLine[], facts: Facts): Finding[] {
  const bySubject = Map.groupBy(killsIn(lines), ({ unit, name }) => unit || name)
  return [...bySubject.values()].flatMap((kills) => {
    const last = kills.at(-1)
    return last ? [told(last, kills.length, facts)] : []
  })
}

/** Where the kernel's log does not come here: what systemd says, and the limit of who was killed. */
async function fromUnits(facts: Facts): Promise<Finding[]> {
  const watched = await watchUnits(facts)
  return watched.flatMap((each) => {
    const said = each.lines.findLast(({ text }) => /killed by the OOM killer|result 'oom-kill'/i.test(text))
    const limit = memoryMax(facts, each)
    const killed = each.exit === 'KILL' && each.state !== 'running' && each.state !== 'idle'
    const counted = counter(facts, each.id)
    const sure = each.unit.result === 'oom-kill' || said !== undefined || counted > 0
    if (!sure && !(killed && limit)) return []
    const signal = each.lines.findLast(({ text }) => /status=9\/KILL|signal=KILL/.test(text))
    return [
      finding({
        cause: 'OOM_KILL',
        subject: each.id,
        title: `${each.id} was killed${limit ? `: it may have ${limit} of memory, and wanted more` : ' because memory ran out'}`,
        severity: 'high',
        confidence: sure ? 0.95 : 0.75,
        evidence: [
          ...(said ? [quoted(said)] : []),
          ...(signal ? [quoted(signal)] : []),
          ...(counted > 0
            ? [seen('cgroup memory', facts.now, `${counted} of its processes were killed for memory`)]
            : []),
          ...(limit ? [seen(each.unit.file ?? each.id, facts.now, `MemoryMax=${limit}`)] : []),
          seen(`systemctl show ${each.id}`, facts.now, each.unit.health.why),
        ],
        explains: [each.id],
        next: [next.journal(each.id), next.run(`systemctl show ${each.id} -p MemoryMax,MemoryCurrent`, 'Its limit')],
      }),
    ]
  })
}

function counter({ host, reality }: Facts, id: string): number {
  const group = reality.processes.find(({ owner }) => owner.name === id)
  return group ? (limitsOf(host, group.cgroup).memory?.killed ?? 0) : 0
}

function memoryMax(facts: Facts, { unit }: Watched): string | undefined {
  const text = unitText(facts, unit)
  const value = settingsOf(text, 'MemoryMax').at(-1) ?? settingsOf(text, 'MemoryLimit').at(-1)
  if (value === undefined || value === 'infinity') return undefined
  return /^\d+$/.test(value) ? gib(Number(value)) : value
}

export const oomKill: Check = {
  name: 'oom-kill',
  topics: ['memory', 'service', 'kernel'],
  async run(facts) {
    const kernel = await facts.journal('kernel')
    const oomd = (await facts.journal('recent')).filter(
      ({ text, identifier }) => identifier === 'systemd-oomd' && OOMD.test(text),
    )
    const found = fromKernel(kernel, facts)
    const known = new Set(found.map(({ subject }) => subject))
    return [
      ...found,
      ...(await fromUnits(facts)).filter(({ subject }) => !known.has(subject)),
      ...oomd.slice(-1).map((line) => {
        const unit = /([^/]+\.(?:service|scope|slice))$/.exec(OOMD.exec(line.text)?.[1] ?? '')?.[1] ?? 'memory'
        return finding({
          cause: 'OOM_KILL',
          subject: unit,
          title: `systemd-oomd ended ${unit}: the host was short of memory`,
          evidence: [quoted(line)],
          explains: [unit],
          next: [next.run('oomctl', 'What systemd-oomd watches')],
        })
      }),
    ]
  },
}
