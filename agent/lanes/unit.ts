// A lane as systemd started it: in a unit of its own, which is the sandbox. The unit's cgroup is the run's, so that
// nothing of a run can hide from its end (agent/decisions/0003-lanes-as-units.md).
import { accessSync, constants } from 'node:fs'
import { cgroupOf } from '../process/process-table.ts'

/**
 * The cgroup of this lane's unit.
 * @throws Error when this process is not in a unit of that lane
 */
export function ownUnit(lane: string, cgroup = cgroupOf('self')): string {
  if (cgroup === undefined || !new RegExp(`/mttrly-lane-${lane}@[^/]+\\.service$`).test(cgroup))
    throw new Error(`this is no unit of the ${lane} lane`)
  return cgroup
}

/** Which of these paths can be looked into from here. The unit hides what its file says, and nothing that is said later. */
export const openPaths = (paths: readonly string[]): string[] =>
  paths.filter((path) => {
    try {
      accessSync(path, constants.R_OK)
      return true
    } catch {
      return false
    }
  })
