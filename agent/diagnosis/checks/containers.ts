// Containers that end and come back, fail their own health check, ran out of memory, or do not run although they should.
import type { Cause, Finding } from '#proto/contract/diagnosis.ts'
import type { Container } from '#proto/contract/reality.ts'
import type { Check, Facts } from '../check.ts'
import { NotPossible } from '../not-possible.ts'
import { finding, next, seen } from '../say.ts'
import { isNamed } from '../units.ts'

const CRASHES = 3
const LATELY = 60 * 60_000
/** Ended by an order: `docker stop` sends these. */
const ORDERED = new Set([0, 137, 143])
const ENGINE = /^(?:docker|podman|balena)\.(?:service|socket)$/
const KEPT = /^(?:always|unless-stopped)/

type Verdict = { cause: Cause; title: string; severity: Finding['severity']; confidence: number }

function judge(container: Container, facts: Facts): Verdict | undefined {
  const { name, state, restarts, deaths = 0, exitCode, restartPolicy = '', oomKilled, finishedAt, health } = container
  const named = isNamed(facts, name) || (container.service !== undefined && isNamed(facts, container.service))
  const lately = finishedAt !== undefined && facts.now - finishedAt < LATELY
  const running = state === 'running'
  const ending = exitCode === undefined ? '' : `, the last time with status ${exitCode}`
  if (oomKilled && (lately || state === 'restarting' || !running))
    return {
      cause: 'CONTAINER_OOM',
      title: `the container ${name} was ended because it ran out of its memory${container.memoryLimit ? ` (${Math.round(container.memoryLimit / 1_048_576)} MiB)` : ''}`,
      severity: 'high',
      confidence: 0.96,
    }
  if (state === 'restarting' || deaths >= CRASHES || (running && lately && restarts >= CRASHES))
    return {
      cause: 'CONTAINER_CRASH_LOOP',
      title: `the container ${name} ends and is started over and over: ${restarts} restarts${ending}`,
      severity: 'high',
      confidence: 0.95,
    }
  if (running && /unhealthy|health check/i.test(health.why) && health.state !== 'ok')
    return {
      cause: 'CONTAINER_UNHEALTHY',
      title: `the container ${name} runs and fails its health check: ${health.why}`,
      severity: 'high',
      confidence: 0.95,
    }
  if (running || state === 'created')
    return state === 'created' && (named || KEPT.test(restartPolicy))
      ? stopped(name, 'was made and never started', named, 0.85)
      : undefined
  if (state === 'paused') return stopped(name, 'is paused', true, 0.9)
  const failed = exitCode !== undefined && !ORDERED.has(exitCode)
  if (state === 'dead') return stopped(name, 'is dead', true, 0.9)
  if (KEPT.test(restartPolicy) || named || (failed && lately))
    return stopped(
      name,
      `does not run${ending}`,
      KEPT.test(restartPolicy) || named || failed,
      KEPT.test(restartPolicy) || named ? 0.9 : 0.7,
    )
  return undefined
}

const stopped = (name: string, how: string, serious: boolean, confidence: number): Verdict => ({
  cause: 'CONTAINER_STOPPED',
  title: `the container ${name} ${how}`,
  severity: serious ? 'high' : 'low',
  confidence,
})

/** Where no engine runs there is nothing to ask about. */
const hasSome = ({ reality }: Facts): boolean =>
  reality.processes.some(({ owner }) => owner.kind === 'container') ||
  reality.units.some(({ id, active }) => ENGINE.test(id) && active === 'active')

export const containers: Check = {
  name: 'containers',
  topics: ['container', 'service'],
  run(facts) {
    const { containers: known } = facts.reality
    if (known === null && hasSome(facts)) throw new NotPossible('the container engine of this host was not asked')
    return (known ?? []).flatMap((container) => {
      const verdict = judge(container, facts)
      if (!verdict) return []
      const { name, image, state, restarts, project, ports, health, finishedAt } = container
      return finding({
        ...verdict,
        subject: name,
        impact: [
          ...(ports.length > 0 ? [`nobody answers reliably at ${ports.slice(0, 3).join(', ')}`] : []),
          ...(project ? [`the project ${project}`] : []),
        ],
        evidence: [
          seen(health.evidence.source, facts.now, `${image}: ${state}, ${restarts} restarts. ${health.why}`),
          ...(finishedAt === undefined
            ? []
            : [seen(health.evidence.source, finishedAt, `ended with status ${container.exitCode ?? 'unknown'}`)]),
        ],
        next: [next.read(`docker:${name}`, 'What it wrote last'), next.reality('containers', 'All containers')],
        explains: ports.flatMap((each) => /(?:^|:)(\d+)->/.exec(each)?.[1] ?? []).map((port) => `127.0.0.1:${port}`),
      })
    })
  },
}
