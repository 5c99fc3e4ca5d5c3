// A host made of files: a distribution's fixture, with processes and further files laid over it, in a directory that goes
// with the test.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Snapshot } from '#proto/contract/reality.ts'
import type { Runner } from '../../../agent/reality/host.ts'
import { readReality } from '../../../agent/reality/reality.ts'

export type FakeProcess = {
  name: string
  argv?: string[]
  exe?: string
  parent?: number
  cgroup?: string
  state?: string
  uid?: number
  cwd?: string
  /** Inodes of the sockets that it holds. */
  sockets?: number[]
}
export type Tree = {
  distribution?: string
  processes?: Record<number, FakeProcess>
  files?: Record<string, string | Buffer>
  links?: Record<string, string>
}

const FIXTURES = join(import.meta.dirname, 'fixtures')
export const BOOT = Date.UTC(2024, 5, 10, 0, 0, 0)
/** Ten hours after the fake host has booted. */
export const NOW = BOOT + 10 * 3_600_000

export function makeTree(
  t: { after(hook: () => void): void },
  { distribution, processes = {}, files = {}, links = {} }: Tree,
): string {
  const root = mkdtempSync(join(tmpdir(), 'mttrly-reality-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  if (distribution) cpSync(join(FIXTURES, distribution), root, { recursive: true })
  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    symlinkSync(target, join(root, path))
  }
  write('proc/stat', `cpu 1 2 3\nbtime ${BOOT / 1000}\n`)
  for (const [pid, each] of Object.entries(processes)) {
    const { name, argv = [name], parent = 1, state = 'S', uid = 0, cgroup = '/', sockets = [] } = each
    write(
      `proc/${pid}/stat`,
      `${pid} (${name}) ${state} ${parent} ${pid} ${pid} 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 6000 1 1\n`,
    )
    write(
      `proc/${pid}/status`,
      `Name:\t${name}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nVmRSS:\t    2048 kB\nThreads:\t3\n`,
    )
    write(`proc/${pid}/cmdline`, `${argv.join('\0')}\0`)
    write(`proc/${pid}/cgroup`, `0::${cgroup}\n`)
    if (each.exe) link(`proc/${pid}/exe`, each.exe)
    if (each.cwd) link(`proc/${pid}/cwd`, each.cwd)
    for (const [i, inode] of sockets.entries()) link(`proc/${pid}/fd/${i + 3}`, `socket:[${inode}]`)
  }
  for (const [path, content] of Object.entries(files)) write(path, content)
  for (const [path, target] of Object.entries(links)) link(path, target)
  return root
}

/** Answers systemctl and rpm with what the fixture says they said. */
export const fixtureRunner =
  (distribution: string): Runner =>
  async ([program]) => {
    const path = join(FIXTURES, distribution, program === 'rpm' ? 'rpm.txt' : 'systemctl-show.txt')
    return existsSync(path) ? { code: 0, stdout: readFileSync(path, 'utf8') } : { code: 1, stdout: '' }
  }

/** The snapshot of such a host, which must be what the schema says. */
export async function snapshotOf(t: { after(hook: () => void): void }, tree: Tree): Promise<Snapshot> {
  const root = makeTree(t, tree)
  const runner = fixtureRunner(tree.distribution ?? '')
  return Snapshot.parse(await readReality({ root, runner, clock: { now: () => NOW }, hostKey: Buffer.alloc(32, 7) }))
}

/** A line of /proc/net/tcp for a socket that listens on 127.0.0.1 or everywhere. */
export const tcpLine = (port: number, inode: number, address = '00000000', uid = 0): string =>
  `   0: ${address}:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 ${uid} 0 ${inode} 1 0000000000000000 100 0 0 10 0`
