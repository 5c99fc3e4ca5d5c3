// How a container is, from what its engine says of it and of the last hour.
import type { Health } from '#proto/contract/reality.ts'
import type { Inspected } from './shapes.ts'

const OFTEN = 3
/** 128 and the signal: INT, KILL, TERM. Whoever stops a container leaves one of these. */
const STOPPED_BY_SIGNAL = new Set([130, 137, 143])
const MIB = 1024 * 1024

type Judged = { state: Health['state']; why: string }

/** `deaths`: how often it has ended within the last hour. */
export function judgeContainer(found: Inspected, deaths: number): Judged {
  const { State: state, RestartCount: restarts, HostConfig: limits } = found
  const memory = limits.Memory > 0 ? ` of ${Math.round(limits.Memory / MIB)} MiB` : ''
  const last = `the last time with exit code ${state.ExitCode}${state.OOMKilled ? `, killed at its memory limit${memory}` : ''}`
  if (state.Status === 'restarting')
    return { state: 'failed', why: `ends and is started again: ${restarts} times, ${last}` }
  if (state.Status === 'running') return judgeRunning(found, deaths, memory)
  if (state.Status === 'paused') return { state: 'degraded', why: 'paused' }
  if (state.Status === 'dead') return { state: 'failed', why: `could not be removed ${state.Error}`.trim() }
  if (state.Error !== '') return { state: 'failed', why: `could not be started: ${state.Error}` }
  if (state.Status === 'created') return { state: 'stopped', why: 'was made, and never started' }
  return judgeEnded(found, last)
}

function judgeRunning({ State: state, RestartCount: restarts }: Inspected, deaths: number, memory: string): Judged {
  const { Health: health } = state
  if (health?.Status === 'unhealthy') {
    const said = health.Log.at(-1)
    const how = said ? `: exit code ${said.ExitCode}, ${said.Output.trim().split('\n')[0] || 'no output'}` : ''
    return { state: 'failed', why: `its health check failed ${health.FailingStreak} times${how}` }
  }
  if (deaths >= OFTEN)
    return {
      state: 'degraded',
      why: `runs, and ended ${deaths} times within the last hour (restarted ${restarts} times)`,
    }
  if (state.OOMKilled) return { state: 'degraded', why: `a process of it was killed at its memory limit${memory}` }
  if (health?.Status === 'starting') return { state: 'ok', why: 'runs; its health check has not answered yet' }
  return { state: 'ok', why: health?.Status === 'healthy' ? 'runs, and its health check answers' : 'runs' }
}

function judgeEnded({ State: state, HostConfig: limits }: Inspected, last: string): Judged {
  const policy = limits.RestartPolicy?.Name ?? ''
  if (state.OOMKilled) return { state: 'failed', why: `ended, ${last}` }
  if (policy === 'always' || policy === 'unless-stopped') return { state: 'stopped', why: `was stopped, ${last}` }
  if (state.ExitCode === 0) return { state: 'ok', why: 'ended, as it should' }
  if (STOPPED_BY_SIGNAL.has(state.ExitCode)) return { state: 'stopped', why: `was stopped, ${last}` }
  return { state: 'failed', why: `ended, ${last}` }
}
