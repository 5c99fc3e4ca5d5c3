// The read lane of a checkout is contained by bubblewrap. Where it is missing and may be installed, it is.
import { existsSync } from 'node:fs'
import { start } from '../agent/process/spawn.ts'

const ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }
const STEPS = [
  ['apt-get', 'update', '-q'],
  ['apt-get', 'install', '-y', '-q', '--no-install-recommends', 'bubblewrap'],
]

/** Never fails: without a sandbox the agent says so, and every command asks. */
export async function installSandbox(isRoot: boolean, step: (text: string) => void): Promise<void> {
  if (existsSync('/usr/bin/bwrap')) return
  if (!isRoot || !existsSync('/usr/bin/apt-get')) {
    step('bubblewrap is missing: read-only commands will ask for approval (apt-get install bubblewrap)')
    return
  }
  step('installing bubblewrap, the sandbox of read-only commands')
  for (const argv of STEPS) {
    const { ended } = await start({ argv, cwd: '/', env: ENV }, async () => {})
    if ((await ended).exitCode !== 0) step(`"${argv.join(' ')}" did not work: read-only commands will ask for approval`)
  }
}
