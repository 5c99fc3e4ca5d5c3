// One of our own programs, run to its end: its exit code and what it said. For changes to the host that root makes itself.
import { execFile } from 'node:child_process'

const MOST_SAID = 1_048_576
/** What our own programs, and those of the host that we ask, are started with. */
export const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

/** 127 when it could not be started, 137 when it was ended: it took too long or said too much. */
export type ScriptEnd = { code: number; said: string }

/** Standard input is empty; output and errors come together, as a person would see them. */
export function runScript(argv: readonly string[], timeoutMs: number): Promise<ScriptEnd> {
  const [command = '', ...args] = argv
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MOST_SAID } as const
  return new Promise((resolve) => {
    const child = execFile(command, args, { ...options, cwd: '/', env: ENVIRONMENT }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : error.killed ? 137 : 127
      resolve({ code, said: `${stdout}${stderr}` })
    })
    child.stdin?.end()
  })
}
