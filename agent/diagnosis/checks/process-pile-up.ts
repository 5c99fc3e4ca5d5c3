// Processes that pile up: ended and never waited for, stuck in the kernel, or started again before the last one was done.
import type { Check, Facts } from '../check.ts'
import { ownerOfTask, sample, subjectOf, type Task } from '../sample.ts'
import { finding, next, seen } from '../say.ts'

const ZOMBIES = 10
const STUCK = 3
const COPIES = 15
const OLD_TICKS = 500
const MANY = 50

const PS = next.run('ps -eo pid,ppid,user,state,wchan:24,etimes,args --sort=state', 'The processes with their parents')
const severity = (count: number) => (count >= MANY ? ('high' as const) : ('medium' as const))

function zombies(tasks: readonly Task[], facts: Facts) {
  const byParent = Map.groupBy(
    tasks.filter(({ state }) => state === 'Z'),
    ({ parent }) => parent,
  )
  return [...byParent].flatMap(([pid, those]) => {
    if (those.length < ZOMBIES) return []
    const parent = tasks.find((each) => each.pid === pid) ?? { pid, name: 'its parent' }
    const subject = subjectOf(ownerOfTask(facts.host, pid), parent)
    const names = [...new Set(those.map(({ name }) => name))].slice(0, 5).join(', ')
    return finding({
      cause: 'PROCESS_PILE_UP',
      subject,
      title: `${those.length} zombies: ${parent.name} (${pid}) never waits for the processes that it started`,
      severity: severity(those.length),
      confidence: 0.9,
      evidence: [seen('/proc/<pid>/stat', facts.now, `${those.length} in state Z with parent ${pid}: ${names}`)],
      next: [PS, next.journal(subject, 'What their parent says')],
    })
  })
}

function stuck(looks: Awaited<ReturnType<typeof sample>>, facts: Facts) {
  const always = [...(looks[0]?.tasks.values() ?? [])].filter(
    ({ pid, kernel }) => !kernel && looks.every(({ tasks }) => tasks.get(pid)?.state === 'D'),
  )
  if (always.length < STUCK || looks.length < 2) return []
  const [first] = always
  const waits = first && facts.host.kernel(`/proc/${first.pid}/wchan`).trim()
  const subject = first ? subjectOf(ownerOfTask(facts.host, first.pid), first) : ''
  return [
    finding({
      cause: 'PROCESS_PILE_UP',
      subject,
      title: `${always.length} processes are stuck in the kernel (state D) and cannot even be ended`,
      severity: severity(always.length * 5),
      confidence: 0.85,
      evidence: [
        seen('/proc/<pid>/stat', facts.now, `in state D at each of ${looks.length} looks: ${names(always)}`),
        ...(waits && waits !== '0' ? [seen('/proc/<pid>/wchan', facts.now, waits)] : []),
      ],
      next: [PS],
    }),
  ]
}

/** The same command again and again, each started by another process: what a scheduler does when the last run never ends. */
function copies(tasks: readonly Task[], facts: Facts) {
  const uptime = Math.max(0, ...tasks.map(({ startTicks }) => startTicks))
  const alive = tasks.filter(({ state, kernel }) => state !== 'Z' && !kernel)
  const byName = Map.groupBy(alive, ({ name }) => name)
  return [...byName].flatMap(([name, those]) => {
    const parents = new Set(those.map(({ parent, pid }) => (parent === 1 ? -pid : parent)))
    if (parents.size < COPIES || Math.max(...those.map((each) => uptime - each.startTicks)) < OLD_TICKS) return []
    const same = Map.groupBy(those, ({ pid }) =>
      facts.host.text(`/proc/${pid}/cmdline`, 1_000).replaceAll('\0', ' ').trim(),
    )
    const [command, most] = [...same].toSorted((a, b) => b[1].length - a[1].length)[0] ?? []
    const owners = new Map(most?.map((each) => [each.pid, ownerOfTask(facts.host, each.pid)]))
    const first = most?.find(({ pid }) => /^(?:user-)?unit$/.test(owners.get(pid)?.kind ?? ''))
    if (!command || !most || !first || most.length < COPIES) return []
    const subject = subjectOf(owners.get(first.pid) ?? { kind: 'none', name: '' }, first)
    return finding({
      cause: 'PROCESS_PILE_UP',
      subject,
      title: `${most.length} copies of the same command run at once: ${command.slice(0, 120)}`,
      severity: severity(most.length),
      confidence: 0.75,
      evidence: [seen('/proc/<pid>/cmdline', facts.now, `${most.length} times ${name}: ${command.slice(0, 200)}`)],
      next: [PS],
    })
  })
}

const names = (tasks: readonly Task[]): string =>
  tasks
    .slice(0, 8)
    .map(({ name, pid }) => `${name} (${pid})`)
    .join(', ')

export const processPileUp: Check = {
  name: 'process-pile-up',
  topics: ['kernel', 'cpu', 'service', 'schedule'],
  async run(facts) {
    const looks = await sample(facts)
    const tasks = [...(looks.at(-1)?.tasks.values() ?? [])]
    return [...zombies(tasks, facts), ...stuck(looks, facts), ...copies(tasks, facts)]
  },
}
