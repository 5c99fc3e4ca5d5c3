// Units that run into a limit of their own: memory, number of tasks, processor time.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { ProcessGroup } from '#proto/contract/reality.ts'
import { type Limits, limitsOf } from '../cgroups.ts'
import type { Check, Facts } from '../check.ts'
import { gib, percent } from '../figures.ts'
import { finding, next, seen } from '../say.ts'

const MEMORY_NEAR = 0.85
const MEMORY_HALF = 0.5
const TASKS_NEAR = 0.95
/** Of the periods, in which the unit was stopped for the rest. */
const THROTTLED = 0.3
const PERIODS = 3
const GROUPS_MAX = 150

const REFUSED =
  /resource temporarily unavailable|can't (?:fork|start new thread)|cannot fork|fork rejected|eagain|unable to create (?:new )?(?:native )?thread/i

const FORK = /fork|thread|spawn|clone|process|worker|child|start|create/i
/** No distribution lets an account have so few. */
const PLENTY = 2_000

type Group = Pick<ProcessGroup, 'cgroup' | 'owner'>

function tell(
  group: Group,
  what: string,
  severity: Finding['severity'],
  evidence: Finding['evidence'],
  setting: string,
): Finding {
  const { name } = group.owner
  return finding({
    cause: 'CGROUP_LIMIT',
    subject: name,
    title: `${name} ${what}`,
    severity,
    confidence: 0.9,
    evidence,
    next: [next.run(`systemctl show ${name} -p ${setting}`, 'The limit that it has'), next.journal(name)],
  })
}

export function judgeLimits(
  group: Group,
  before: Limits,
  after: Limits,
  complaints: Finding['evidence'],
  now: number,
): Finding[] {
  const from = `cgroup ${group.cgroup}`
  const found: Finding[] = []
  const { memory, tasks, cpu } = after
  const growing = memory !== undefined && memory.failed > (before.memory?.failed ?? memory.failed)
  // Refused now, with half of it in use: it gives up its cache of files again and again, and is slow for it.
  if (memory && memory.used / memory.limit >= (growing ? MEMORY_HALF : MEMORY_NEAR)) {
    const said = `${gib(memory.used)} of ${gib(memory.limit)}, ${memory.failed} times refused`
    found.push(
      tell(
        group,
        `uses ${percent(memory.used / memory.limit)} of the memory that it may have (${gib(memory.limit)})`,
        growing || memory.failed > 0 ? 'high' : 'medium',
        [seen(from, now, said)],
        'MemoryMax,MemoryHigh,MemoryCurrent',
      ),
    )
  }
  if (tasks && tasks.limit > 0) {
    const at = tasks.used / tasks.limit >= TASKS_NEAR
    if (at || (tasks.failed > 0 && complaints.length > 0)) {
      const said = `${tasks.used} of ${tasks.limit} tasks, ${tasks.failed} times refused`
      found.push(
        tell(
          group,
          `has ${tasks.used} of the ${tasks.limit} tasks that it may have, and gets no more`,
          'high',
          [seen(from, now, said), ...complaints],
          'TasksMax,TasksCurrent',
        ),
      )
    }
  }
  const periods = (cpu?.periods ?? 0) - (before.cpu?.periods ?? 0)
  const throttled = (cpu?.throttled ?? 0) - (before.cpu?.throttled ?? 0)
  if (cpu && before.cpu && periods >= PERIODS && throttled / periods >= THROTTLED) {
    const said = `stopped in ${throttled} of ${periods} periods just now`
    found.push(
      tell(
        group,
        `is held back by its own limit of processor time ${percent(throttled / periods)} of the time`,
        throttled / periods > 0.6 ? 'high' : 'medium',
        [seen(from, now, said)],
        'CPUQuotaPerSecUSec',
      ),
    )
  }
  return found
}

/** What an account may have (LimitNPROC=, limits.conf) is counted over all of its processes. */
function ofAccount(group: ProcessGroup, complaints: Finding['evidence'], { host, now }: Facts): Finding[] {
  const [pid] = group.processes.map((each) => each.pid)
  const most = Number(/^Max processes +(\d+)/m.exec(host.kernel(`/proc/${pid}/limits`))?.[1])
  if (!complaints.some(({ seen }) => FORK.test(seen)) || !(most < PLENTY)) return []
  const limit = seen(`/proc/${pid}/limits`, now, `Max processes ${most}`)
  return [
    tell(
      group,
      `starts no more processes or threads: its account may have ${most}`,
      'high',
      [...complaints, limit],
      'LimitNPROC',
    ),
  ]
}

export const cgroupLimit: Check = {
  name: 'cgroup-limit',
  topics: ['memory', 'cpu', 'service'],
  async run(facts: Facts) {
    const { host, reality } = facts
    const groups = reality.processes
      .filter(({ owner, cgroup }) => owner.kind === 'unit' && cgroup !== '' && !owner.name.startsWith('mttrly-'))
      .slice(0, GROUPS_MAX)
    const [before, after] = await facts.twice(() => groups.map(({ cgroup }) => limitsOf(host, cgroup)))
    const recent = await facts.journal('recent')
    return groups.flatMap((group, i) => {
      const complaints = recent
        .filter(({ unit, text }) => unit === group.owner.name && REFUSED.test(text))
        .slice(-2)
        .map(({ at, text }) => seen(`journal ${group.owner.name}`, at, text))
      const found = judgeLimits(group, before[i] ?? {}, after[i] ?? {}, complaints, facts.now)
      return found.length === 0 ? ofAccount(group, complaints, facts) : found
    })
  },
}
