// A guest (guest.sh) for one test file: booted on a pristine file system, and taken down also when a test fails. Guests of
// test runs that were killed are taken down by the next one.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('./guest.sh', import.meta.url))
const RUN = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mttrly-guest', 'run')
const LIMIT_MS = 300_000

export type Ended = { code: number; stdout: string; stderr: string }
export type Guest = Awaited<ReturnType<typeof startGuest>>

/** Why there can be no guest here, or undefined. */
export function whyNoGuest(): string | undefined {
  if (process.getuid?.() !== 0) return 'a systemd guest needs root'
  const missing = ['/usr/bin/systemd-nspawn', '/usr/sbin/debootstrap'].filter((path) => !existsSync(path))
  return missing.length > 0 ? `a systemd guest needs ${missing.join(' and ')}` : undefined
}

function call(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/bash', [SCRIPT, ...args], { env: { ...process.env, ...env }, stdio: 'pipe' })
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text
      })
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.on('error', reject)
    // `exit`, not `close`: what goes on in the background holds the pipes no longer than it must.
    child.on(args[0] === 'sh' ? 'close' : 'exit', (code) => {
      clearTimeout(timer)
      resolve({ code: code ?? 137, ...said })
    })
  })
}

async function must(args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<string> {
  const { code, stdout, stderr } = await call(args, input, env)
  if (code !== 0) throw new Error(`guest.sh ${args.join(' ')} ended with ${code}: ${stderr.slice(-2_000)}`)
  return stdout.trim()
}

const runs = (pid: number): boolean => existsSync(`/proc/${pid}`)

async function sweep(): Promise<void> {
  if (!existsSync(RUN)) return
  for (const name of readdirSync(RUN)) {
    const owner = /^test-(\d+)-\d+$/.exec(name)?.[1]
    if (owner !== undefined && !runs(Number(owner))) await call(['down', name])
  }
}

let count = 0

/** What a script makes of the base file system: made once, kept in the cache. @param more arguments for systemd-nspawn */
export function guestLayer(name: string, script: string, more: readonly string[] = []): Promise<string> {
  return must(['layer', name], { GUEST_ARGS: more.join(' ') }, script)
}

/**
 * @param more arguments for systemd-nspawn
 * @param layer what the guest stands on, beside the base
 */
export async function startGuest(t: { after(hook?: unknown): void }, more: readonly string[] = [], layer = '') {
  await sweep()
  count += 1
  const name = `test-${process.pid}-${count}`
  const env = { GUEST_ARGS: more.join(' '), GUEST_LAYER: layer }
  t.after(() => must(['down', name]))
  await must(['up', name], env)

  return {
    name,
    /** The guest's `/`, seen from here; without what is mounted inside it. */
    root: join(RUN, name, 'root'),
    /** Runs a script as root in the guest, as a process of its systemd. */
    sh: (script: string, input = ''): Promise<Ended> => call(['sh', name, '/bin/bash', '-c', script], input),
    /** The same, which must succeed. @returns its standard output, trimmed */
    async must(script: string, input = ''): Promise<string> {
      const { code, stdout, stderr } = await call(['sh', name, '/bin/bash', '-c', script], input)
      if (code !== 0) throw new Error(`in the guest: ${script}\nended with ${code}\n${stdout}\n${stderr}`)
      return stdout.trim()
    },
    reboot: () => must(['reboot', name]),
    /** As a power cut: nothing is ended, nothing is written back. */
    cut: () => must(['cut', name]),
    start: () => must(['start', name], env),
  }
}
