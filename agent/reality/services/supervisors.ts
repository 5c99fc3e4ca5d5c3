// Programs kept alive by something other than systemd: PM2's saved list and pid files, supervisord's configuration and log.
import { join } from 'node:path'
import { z } from 'zod'
import type { Health, Supervised } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import type { Host } from '../host.ts'
import { type Process, parsePasswd } from '../kernel/processes.ts'

const DUMP_MAX = 4 * 1024 * 1024
const LOG_TAIL = 64 * 1024

/** Of each app these fields alone: the rest of the dump is its environment. */
const Dump = z.array(
  z.object({
    name: z.coerce.string(),
    pm_id: z.number().optional(),
    pm_exec_path: z.string().optional(),
    pm_cwd: z.string().optional(),
    restart_time: z.number().int().nonnegative().optional().catch(undefined),
  }),
)
export type Pm2App = z.infer<typeof Dump>[number]

export function parsePm2Dump(text: string): Pm2App[] {
  try {
    const { data } = Dump.safeParse(JSON.parse(text))
    return data ?? []
  } catch {
    return [] // half written, or none
  }
}

const GOD = /^PM2 v\S+: God Daemon \((.+)\)/

/** PM2's home of every account, and of every daemon that runs: `PM2 v5.3.0: God Daemon (/home/app/.pm2)`. */
function readPm2(host: Host, processes: readonly Process[]): Supervised[] {
  const gods = new Map(
    processes.flatMap((process) => {
      const home = GOD.exec(process.argv[0] ?? '')?.[1]
      return home ? [[home, process] as const] : []
    }),
  )
  const accounts = [...parsePasswd(host.text('/etc/passwd'))].map(([uid, { name, home }]) => ({
    uid,
    name,
    path: join(home, '.pm2'),
  }))
  const known = new Set(accounts.map(({ path }) => path))
  const others = [...gods]
    .filter(([path]) => !known.has(path))
    .map(([path, { uid, user }]) => ({ uid, name: user, path }))
  return [...accounts, ...others].flatMap(({ uid, name: user, path }) => {
    const god = gods.get(path)
    const running = processes.filter((process) => god && process.parent === god.pid)
    const saved =
      god || host.exists(path) ? parsePm2Dump(host.text(join(path, 'dump.pm2'), DUMP_MAX, { ownedBy: uid })) : []
    const pidFiles = host.list(join(path, 'pids'))
    return saved.map((app): Supervised => {
      const script = app.pm_exec_path ?? ''
      const byFile = pidFiles
        .filter((file) => file === `${app.name}-${app.pm_id}.pid` || file === `${app.name}.pid`)
        .map((file) => Number.parseInt(host.text(join(path, 'pids', file), 32, { ownedBy: uid }), 10))
      // PM2 loads the script into a process of its own, whose command line names it.
      const pids = running
        .filter((each) => byFile.includes(each.pid) || (script !== '' && each.argv.join(' ').includes(script)))
        .map(({ pid }) => pid)
      const say = (state: Health['state'], why: string): Health => judge(state, why, path, host.now)
      return {
        supervisor: 'pm2',
        name: app.name,
        command: script,
        ...(app.pm_cwd && { directory: app.pm_cwd }),
        user,
        pids: pids.slice(0, 64),
        ...(app.restart_time === undefined ? {} : { restarts: app.restart_time }),
        health: !god
          ? say('stopped', 'saved, and no PM2 daemon runs')
          : pids.length > 0
            ? say('ok', 'runs')
            : say('failed', 'saved, and does not run'),
      }
    })
  })
}

const SUPERVISOR_CONFIGS = ['/etc/supervisor/supervisord.conf', '/etc/supervisord.conf']
export type Program = { name: string; command: string; directory?: string; user?: string; autostart: boolean }

/** `[program:name]` sections of an INI file, `;` begins a comment. `environment=` is passed over. */
export function parseSupervisor(text: string): { programs: Program[]; include: string[] } {
  const sections = text
    .split(/^\[/m)
    .slice(1)
    .map((section) => {
      const [head = '', ...lines] = section.split('\n')
      const value = (key: string): string | undefined =>
        lines
          .map((line) => new RegExp(`^${key}\\s*[=:]\\s*(.*?)(?:\\s+;.*)?$`).exec(line.trim())?.[1])
          .find((each) => each !== undefined)
      return { head: head.replace(/\].*$/s, ''), value }
    })
  return {
    programs: sections.flatMap(({ head, value }) => {
      const name = /^program:\s*(\S+)$/.exec(head)?.[1]
      const [command, directory, user] = ['command', 'directory', 'user'].map(value)
      if (!name || !command) return []
      return [
        {
          name,
          command,
          ...(directory && { directory }),
          ...(user && { user }),
          autostart: value('autostart') !== 'false',
        },
      ]
    }),
    include: sections
      .filter(({ head }) => head === 'include')
      .flatMap(({ value }) => (value('files') ?? '').split(/\s+/).filter(Boolean)),
  }
}

/** The last word of supervisord about each program: `INFO exited: web (exit status 1; not expected)`. */
export function parseSupervisorLog(text: string): Map<string, string> {
  const line =
    /^\d{4}-\d\d-\d\d [\d:,]+ \w+ (success|exited|gave up|stopped|spawned|spawnerr|waiting for)[: ]+'?([\w.:-]+)'?(.*)$/gm
  return new Map([...text.matchAll(line)].map(([, word, name = '', rest = '']) => [name, `${word}${rest}`]))
}

function readSupervisor(host: Host, processes: readonly Process[]): Supervised[] {
  const path = SUPERVISOR_CONFIGS.find((each) => host.exists(each))
  if (!path) return []
  const main = parseSupervisor(host.text(path))
  const included = main.include.flatMap((pattern) =>
    host.glob(pattern.startsWith('/') ? pattern : join(path, '..', pattern)),
  )
  const programs = [
    ...main.programs,
    ...included.slice(0, 200).flatMap((file) => parseSupervisor(host.text(file)).programs),
  ]
  const daemon = processes.find(({ argv }) => argv.slice(0, 3).some((word) => /(?:^|\/)supervisord$/.test(word)))
  const log = parseSupervisorLog(host.tail('/var/log/supervisor/supervisord.log', LOG_TAIL))
  return programs.map((program) => {
    const first = program.command.split(/\s+/).slice(0, 2).join(' ')
    const pids = processes
      .filter(({ parent, argv }) => daemon && parent === daemon.pid && argv.join(' ').includes(first))
      .map(({ pid }) => pid)
    const said = log.get(program.name)
    const say = (state: Health['state'], why: string): Health =>
      judge(state, why, '/var/log/supervisor/supervisord.log', host.now)
    const idle = program.autostart ? say('failed', said ?? 'does not run') : say('stopped', 'does not start by itself')
    return {
      supervisor: 'supervisor',
      name: program.name,
      command: program.command,
      ...(program.directory && { directory: program.directory }),
      ...(program.user && { user: program.user }),
      pids: pids.slice(0, 64),
      health: !daemon ? say('stopped', 'no supervisord runs') : pids.length > 0 ? say('ok', said ?? 'runs') : idle,
    }
  })
}

export const readSupervised = (host: Host, processes: readonly Process[]): Supervised[] => [
  ...readPm2(host, processes),
  ...readSupervisor(host, processes),
]
