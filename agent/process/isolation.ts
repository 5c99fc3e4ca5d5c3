// Whether the sandbox really contains, found out by attacking it from inside. Only what held is claimed.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './run.ts'
import { prepareSandbox, sandbox } from './sandbox.ts'
import type { Program } from './spawn.ts'

/** What is open from outside, and must not be from inside. */
export type Targets = {
  open: string
  secret: string
  port: number
  path: string
  abstract: string
  pid: number
  token: string
}
/** `sockets`: what runs there may connect, and nothing more. */
export type Reach = 'nothing' | 'sockets'
type Report = { token: string; wrote: boolean; read: boolean; connected: string[]; signalled: boolean; status: string }

const PROBE_MS = 10_000

/**
 * Runs inside, as source text: it may use nothing from around it. Tries what a command must not be able to do.
 * The three connections and the report are all it waits for.
 */
async function attack(targets: Targets): Promise<void> {
  const fs = await import('node:fs')
  const net = await import('node:net')
  const tried = (act: () => unknown): boolean => {
    try {
      act()
      return true
    } catch {
      return false
    }
  }
  const reach = (name: string, to: import('node:net').NetConnectOpts): Promise<string[]> =>
    new Promise((resolve) => {
      try {
        const socket = net.connect(to, () => resolve([name]))
        socket.on('error', () => resolve([]))
      } catch {
        resolve([])
      }
    })
  const connected = await Promise.all([
    reach('tcp', { host: '127.0.0.1', port: targets.port }),
    reach('unix', { path: targets.path }),
    reach('abstract', { path: `\0${targets.abstract}` }),
  ])
  const report: Report = {
    token: targets.token,
    wrote:
      tried(() => fs.writeFileSync(`${targets.open}/written`, 'x')) ||
      tried(() => fs.writeFileSync('/tmp/written', 'x')),
    read: tried(() => fs.readFileSync(targets.secret)),
    connected: connected.flat(),
    signalled: tried(() => process.kill(targets.pid, 0)),
    status: fs.readFileSync('/proc/self/status', 'utf8'),
  }
  fs.writeSync(1, JSON.stringify(report))
  process.exit(0)
}

const listening = (server: Server, where: string | number): Promise<void> =>
  new Promise((resolve, reject) => {
    const options = typeof where === 'number' ? { host: '127.0.0.1', port: where } : { path: where }
    server.once('error', reject).listen(options, resolve)
  })

function parseReport(text: string, token: string): Report | undefined {
  try {
    const report = JSON.parse(text) as Report
    return report.token === token ? report : undefined
  } catch {
    return undefined
  }
}

const field = (status: string, name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''

/** Why this report does not show a sandbox, or undefined. */
export function weakness(report: Report | undefined, reach: Reach = 'nothing'): string | undefined {
  if (!report) return 'the sandbox does not start here'
  if (report.wrote) return 'a file could be written'
  if (report.read) return 'a hidden file could be read'
  if (reach === 'nothing' && report.connected.length > 0)
    return `a connection could be made (${report.connected.join(', ')})`
  if (report.signalled) return 'a process outside could be signalled'
  if (/[1-9a-f]/.test(field(report.status, 'CapEff'))) return 'capabilities were left'
  if (field(report.status, 'NoNewPrivs') !== '1') return 'privileges could be gained'
  if (/^0\b/.test(field(report.status, 'Uid'))) return 'the uid is root'
  return undefined
}

export type Isolation = { kind: 'contained' } | { kind: 'none'; why: string }

const temporaryDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-probe-'))
  chmodSync(directory, 0o755)
  return directory
}

/**
 * Tries to write, read, connect and signal from inside, with all of it open from outside.
 * @param inside runs `attackOn(targets)` where commands run, and gives what it printed; the sandbox hides `secret`
 * @param directory for the targets; made, and removed afterwards
 * @param reach what is allowed to it
 */
export async function probeIsolation(
  inside: (targets: Targets) => Promise<string> = insideSandbox,
  directory: string = temporaryDirectory(),
  reach: Reach = 'nothing',
): Promise<Isolation> {
  const abstract = randomBytes(12).toString('hex')
  const servers = [createServer(), createServer(), createServer()] as const
  let accepted = 0
  for (const server of servers)
    server.on('connection', (socket) => {
      accepted += 1
      socket.destroy()
    })
  try {
    const open = join(directory, 'open')
    const secret = join(directory, 'secret')
    const path = join(directory, 'socket')
    mkdirSync(open)
    chmodSync(open, 0o777)
    writeFileSync(secret, 'x', { mode: 0o644 })
    await Promise.all([listening(servers[0], 0), listening(servers[1], path), listening(servers[2], `\0${abstract}`)])
    chmodSync(path, 0o777)
    const address = servers[0].address()
    const port = typeof address === 'object' && address ? address.port : 0
    const token = randomBytes(16).toString('hex')
    const text = await inside({ open, secret, port, path, abstract, pid: process.pid, token })
    const reached = readdirSync(open).length > 0 || (reach === 'nothing' && accepted > 0)
    const why = weakness(parseReport(text, token), reach) ?? (reached ? 'it reached out' : undefined)
    return why === undefined ? { kind: 'contained' } : { kind: 'none', why }
  } catch (error) {
    return { kind: 'none', why: (error as NodeJS.ErrnoException).code ?? 'the sandbox does not start here' }
  } finally {
    for (const server of servers) server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The attack as arguments for our own runtime. */
export const attackOn = (targets: Targets): string[] => [
  '--input-type=commonjs',
  '-e',
  `(${attack.toString()})(${JSON.stringify(targets)})`,
]

/** Runs the attacker as a command is run, and gives what it printed. */
export async function runAttack(program: Omit<Program, 'cwd' | 'env'>, id: string): Promise<string> {
  const chunks: Buffer[] = []
  const bounds = { id, cwd: '/', env: {}, terminal: false, timeoutMs: PROBE_MS, graceMs: 100 }
  await run(
    { ...program, ...bounds },
    {
      onOutput: async (chunk) => void chunks.push(chunk),
      signal: new AbortController().signal,
      now: Date.now,
    },
  )
  return Buffer.concat(chunks).toString('utf8')
}

/** Our own runtime as the attacker, reached by descriptor: its path may be closed to the uid that runs it. */
async function insideSandbox(targets: Targets): Promise<string> {
  const argv = ['/proc/self/fd/5', ...attackOn(targets)]
  const prepared = prepareSandbox()
  const contained = sandbox(prepared, { argv, hidden: [targets.secret], timeoutMs: PROBE_MS })
  const inherit = [...(contained.inherit ?? []), openSync(process.execPath, 'r')]
  try {
    return await runAttack({ ...contained, inherit }, targets.token)
  } finally {
    prepared.status.close()
  }
}
