// A program run to its end: one of our own for what it said, or one in our place, with our input and output. For what root
// does itself.
import { execFile, spawn } from 'node:child_process'
import { constants } from 'node:os'

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

/** In our place: our standard input, output, environment and session. @returns its exit code, as a shell would say it */
export function runInPlace(argv: readonly string[]): Promise<number> {
  const [command = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}
