// What contains a command of the read lane: the unit that systemd started this lane in, or bubblewrap where there is none.
import type { Policy } from '../guard/policy.ts'
import { secretPaths } from '../guard/secret-paths.ts'
import { readAccounts } from '../process/accounts.ts'
import type { RunEnd, RunSpec } from '../process/run.ts'
import { prepareSandbox, sandbox } from '../process/sandbox.ts'
import { openPipe } from '../process/scratch.ts'
import type { LaneSettings } from './settings.ts'
import { openPaths } from './unit.ts'
import type { Outcome, Refusal } from './words.ts'

export type Containment = {
  isolation: Outcome['isolation']
  program(
    argv: readonly string[],
    timeoutMs: number,
    policy: Policy,
  ): Pick<RunSpec, 'argv' | 'pipe' | 'inherit' | 'unit'>
  /** Why nothing may run here under this policy. */
  refuse(policy: Policy): Refusal | undefined
  /** Whether the command itself was started, once its run has ended. */
  started(end: RunEnd): boolean
}

const secretsHere = (): string[] => secretPaths(readAccounts())

function bubblewrapped(settings: LaneSettings): Containment {
  const prepared = prepareSandbox()
  const hidden = [settings.dataDirectory, settings.configDirectory, ...settings.hidden, ...secretsHere()]
  return {
    isolation: 'ISOLATION_BUBBLEWRAP',
    program: (argv, timeoutMs, { deniedPaths }) =>
      sandbox(prepared, { argv, hidden: [...hidden, ...deniedPaths], timeoutMs }),
    refuse: () => undefined,
    // Bubblewrap reports an exit code only of a command that it did start (man 1 bwrap, --json-status-fd).
    started: ({ state }) => state !== 'EXITED' || prepared.status.read().includes('"exit-code"'),
  }
}

/** Ours to read, and of others only what their owners may: the policy, and each unit's credentials. */
export const neededBy = (settings: LaneSettings): string[] => [settings.configDirectory, '/run/credentials']

/** The unit hides a fixed list. What else must be hidden here, and is not, stops the lane. */
function inUnit(unit: string, settings: LaneSettings): Containment {
  const pipe = openPipe()
  const ours = neededBy(settings)
  const openSecrets = openPaths(secretsHere().filter((path) => !ours.includes(path)))
  return {
    isolation: 'ISOLATION_SYSTEMD',
    program: (argv) => ({ argv, pipe, unit }),
    refuse({ deniedPaths }) {
      const open = [...openSecrets, ...openPaths(deniedPaths)]
      return open.length === 0 ? undefined : { code: 'POLICY_DENIED', details: { reason: 'not_hidden', paths: open } }
    },
    started: () => true,
  }
}

export const prepareContainment = (settings: LaneSettings): Containment =>
  settings.unit === undefined ? bubblewrapped(settings) : inUnit(settings.unit, settings)
