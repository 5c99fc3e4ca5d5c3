// The act lane's program with a fault in it: `--die STEP` ends the process with SIGKILL at that step. Started by tests as
// the lane program; the shipped one has no such way in.
import { join } from 'node:path'
import { actLane } from '../../agent/lanes/act-lane.ts'
import { createActStore } from '../../agent/lanes/act-store.ts'
import { connectCaller } from '../../agent/lanes/caller.ts'
import { laneSettings } from '../../agent/lanes/settings.ts'
import { readTrust } from '../../agent/lanes/trust.ts'

const args = process.argv.slice(2)
const at = args.indexOf('--die')
const [, die] = args.splice(at, 2)
const { settings } = laneSettings(args)
const caller = connectCaller()
const request = await caller.request()
if (request?.do === 'run' || request?.do === 'settle' || request?.do === 'forget') {
  const directory = join(settings.dataDirectory, 'act')
  const answer = await actLane(request, caller, {
    settings,
    store: createActStore({ directory }),
    trust: readTrust(directory),
    now: Date.now,
    step: (name) => name === die && process.kill(process.pid, 'SIGKILL'),
  })
  await caller.say(answer)
  await caller.close()
}
process.exit(0)
