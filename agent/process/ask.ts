// A short question to a program of this host: what it prints, or nothing. For facts that no file tells.
import { execFile } from 'node:child_process'
import { ENVIRONMENT } from './script.ts'

const LARGEST_ANSWER = 4 * 1_048_576

/** @returns its standard output; undefined when it is not there, fails, says too much or takes too long */
export function ask(argv: readonly string[], timeoutMs: number): Promise<string | undefined> {
  const [command = '', ...args] = argv
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: LARGEST_ANSWER } as const
  return new Promise((resolve) => {
    execFile(command, args, { ...options, cwd: '/', env: ENVIRONMENT }, (error, stdout) =>
      resolve(error ? undefined : stdout),
    )
  })
}
