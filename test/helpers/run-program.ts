import { spawn } from 'node:child_process'

export type Ended = { code: number | null; stdout: string; stderr: string }
type Options = { env?: NodeJS.ProcessEnv; cwd?: string; timeoutMs?: number }

/** Runs a program without a terminal and with nothing to read, in its own process group, which ends with it. */
export function runProgram(file: string, args: readonly string[], options: Options = {}): Promise<Ended> {
  const { env = process.env, cwd, timeoutMs = 120_000 } = options
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const said = { stdout: '', stderr: '' }
    const endGroup = () => {
      try {
        process.kill(-(child.pid as number), 'SIGKILL')
      } catch {
        // Nothing of the group is left.
      }
    }
    const timer = setTimeout(endGroup, timeoutMs)
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (data: string) => {
        said[name] += data
      })
    }
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      endGroup()
      resolve({ code, ...said })
    })
  })
}
