// The runtimes that programs here run on, and their versions, told by paths and files: what was found is never executed.
import { basename, dirname, join } from 'node:path'
import type { Runtime } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import type { Host } from '../host.ts'
import type { Process } from '../kernel/processes.ts'
import type { Installed } from '../packages/database.ts'
import { readGoVersion } from './go-version.ts'

type Name = Runtime['runtime']
type Told = { version: string; from: string } | undefined
type Look = (process: Process, host: Host, installed: Installed) => Told

const VERSION = String.raw`\d+(?:\.\d+){0,3}`
const told = (version: string | undefined, from: string): Told => (version ? { version, from } : undefined)
/** Files of a container are behind links that would be followed here, so only its own names speak. */
const isHere = ({ owner }: Process): boolean => owner.kind !== 'container' && owner.kind !== 'machine'
const inFile =
  (file: (exe: string) => string, pattern: RegExp): Look =>
  (process, host) => {
    const path = file(process.exe)
    return isHere(process) ? told(pattern.exec(host.text(path, 16_384))?.[1], path) : undefined
  }
const inPath =
  (pattern: RegExp): Look =>
  ({ exe }) =>
    told(pattern.exec(exe)?.[1], exe)
const inPackage =
  (...names: readonly ((exe: string) => string)[]): Look =>
  (process, _, installed) => {
    if (!isHere(process) || !/^\/(?:usr\/)?(?:s?bin|lib|libexec)\//.test(process.exe)) return undefined
    const name = names.map((of) => of(basename(process.exe))).find((each) => installed.version(each))
    return name ? told(installed.upstream(name), `package ${name}`) : undefined
  }
const prefix = (exe: string): string => dirname(dirname(exe))
const goVersion: Look = ({ pid, exe }, host) => told(readGoVersion(host, `/proc/${pid}/exe`), `build info of ${exe}`)
const sharedFramework: Look = (process, host) => {
  if (!isHere(process)) return undefined
  const directory = join(dirname(process.exe), 'shared/Microsoft.NETCore.App')
  const versions = host.list(directory).filter((name) => /^\d+\.\d+\.\d+/.test(name))
  return told(versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1), directory)
}

/** How each is recognised by its program's name, and who may know its version: the first that answers. */
const TABLE: readonly { name: Name; exe: RegExp; version: readonly Look[] }[] = [
  {
    name: 'node',
    exe: /^(?:node|nodejs)(?:[-.]?\d+)?$/,
    version: [
      inPath(/\/(?:node-)?v?(\d+\.\d+\.\d+)(?:-linux-\w+|\/installation)?\/bin\//),
      inHeader,
      inFile((exe) => join(prefix(exe), 'package.json'), /"version":\s*"(\d+\.\d+\.\d+)"/),
      inPackage(
        (exe) => exe.replace(/^node(?:js)?-?/, 'nodejs'),
        () => 'nodejs',
        () => 'nodejs-current',
      ),
    ],
  },
  { name: 'bun', exe: /^bun$/, version: [inPath(/\/bun[/-]v?(\d+\.\d+\.\d+)/)] },
  { name: 'deno', exe: /^deno$/, version: [inPath(/\/deno[/-]v?(\d+\.\d+\.\d+)/)] },
  {
    name: 'python',
    exe: /^(?:python|pypy)\d*(?:\.\d+)?$|^uwsgi$/,
    version: [
      inPath(/\/(?:versions|pythons?|cpython-)\/?(\d+\.\d+\.\d+)/),
      inPackage(
        (exe) => exe,
        (exe) => `${exe}-minimal`,
        () => 'python3',
        (exe) => exe.replace('.', ''),
      ),
      inPath(/python(\d+\.\d+)$/),
    ],
  },
  {
    name: 'php',
    exe: /^php(?:-fpm|-cgi)?\d*(?:\.\d+)?$/,
    version: [
      inPackage(
        (exe) => exe.replace(/^php-fpm(\d\.\d)$/, 'php$1-fpm'),
        (exe) => exe.replace(/^php(\d\.\d)$/, 'php$1-cli'),
        (exe) => exe.replace(/^php-fpm(\d+)$/, 'php$1-fpm'),
        () => 'php-fpm',
        () => 'php-cli',
        (exe) => exe,
      ),
      inPath(/php(?:-fpm|-cgi)?(\d+\.\d+)$/),
    ],
  },
  {
    name: 'java',
    exe: /^java$/,
    version: [
      inFile((exe) => join(prefix(exe), 'release'), new RegExp(`^JAVA_VERSION="(${VERSION}[\\w.+-]*)"`, 'm')),
      inFile(
        (exe) => join(prefix(prefix(exe)), 'jre/release'),
        new RegExp(`^JAVA_VERSION="(${VERSION}[\\w.+-]*)"`, 'm'),
      ),
      inPath(new RegExp(`(?:java|jdk|jre)-?(${VERSION})`)),
    ],
  },
  {
    name: 'ruby',
    exe: /^ruby\d*(?:\.\d+)?$/,
    version: [
      inPath(/\/(?:versions|rubies|ruby)\/(?:ruby-)?(\d+\.\d+\.\d+)/),
      inPackage(
        (exe) => exe,
        () => 'ruby',
      ),
      inPath(/ruby(\d+\.\d+)$/),
    ],
  },
  {
    name: 'dotnet',
    exe: /^dotnet$/,
    version: [sharedFramework],
  },
]

/** Three definitions of one header, as every installation with npm has it. */
function inHeader(process: Process, host: Host): Told {
  if (!isHere(process)) return undefined
  const path = join(prefix(process.exe), 'include/node/node_version.h')
  const text = host.text(path, 16_384)
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
    (name) => new RegExp(`^#define NODE_${name}_VERSION (\\d+)$`, 'm').exec(text)?.[1],
  )
  return parts.every(Boolean) ? { version: parts.join('.'), from: path } : undefined
}

const programOf = ({ exe, argv }: Process): string => basename(exe || (argv[0] ?? '').split(' ')[0] || '')

/** Options whose value is the next argument, or else the next argument would be taken for the script. */
const TAKES_VALUE =
  /^(?:-r|--require|--import|--loader|-X|-W|-c|-y|-cp|-classpath|--class-path|-p|--module-path|--config|-E)$/

/** What the runtime was told to run: the script, the module, the jar or the class. */
export function entryOf(name: Name, argv: readonly string[]): string {
  const rest = argv.slice(1)
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] ?? ''
    if (name === 'java' && word === '-jar') return rest[i + 1] ?? ''
    if (name === 'python' && word === '-m') return `-m ${rest[i + 1] ?? ''}`
    if (name === 'dotnet' && word === 'exec') continue
    if ((name === 'bun' || name === 'deno') && word === 'run') continue
    if (TAKES_VALUE.test(word)) i += 1
    else if (!word.startsWith('-')) return word
  }
  return argv[0] ?? ''
}

/** A Go program is any program; those of a distribution that are none are too many to be opened each. */
const NOT_GO =
  /^(?:systemd.*|agetty|dbus-.*|sshd.*|bash|sh|dash|cron|crond|rsyslogd|login|sudo|nginx|apache2|httpd|postgres|mariadbd|mysqld|redis-server|su|sleep|.*\.so.*)$/

function recognise(process: Process, host: Host, goOf: Map<string, string | undefined>): Name | undefined {
  const program = programOf(process)
  const known = TABLE.find(({ exe }) => exe.test(program))?.name
  if (known || process.exe === '' || NOT_GO.test(program)) return known
  const key = `${process.owner.kind === 'container' ? process.owner.name : ''}:${process.exe}`
  if (!goOf.has(key)) goOf.set(key, readGoVersion(host, `/proc/${process.pid}/exe`))
  return goOf.get(key) ? 'go' : undefined
}

export type Running = Runtime & { cwd: string; leader: Process }

/** One for each program of each service; its workers are counted into it. */
export function readRuntimes(host: Host, processes: readonly Process[], installed: Installed): Running[] {
  const goOf = new Map<string, string | undefined>()
  const found = processes.flatMap((process) => {
    const name = process.owner.kind === 'kernel' ? undefined : recognise(process, host, goOf)
    return name ? [{ name, process, entry: name === 'go' ? process.exe : entryOf(name, process.argv) }] : []
  })
  const key = ({ name, process, entry }: (typeof found)[number]): string =>
    `${name}\0${process.cgroup}\0${process.exe}\0${entry}\0${process.user}`
  return [...Map.groupBy(found, key).values()].flatMap((members) => {
    const [first] = members
    if (!first) return []
    const { name, process: leader, entry } = first
    const looks = name === 'go' ? [goVersion] : (TABLE.find((each) => each.name === name)?.version ?? [])
    const version = looks.map((look) => look(leader, host, installed)).find(Boolean)
    const cwd = isHere(leader) ? host.link(`/proc/${leader.pid}/cwd`) : ''
    const replaced = members.some(({ process }) => process.replaced)
    return [
      {
        runtime: name,
        ...(version && { version: version.version, versionFrom: version.from }),
        program: entry,
        ...(cwd && { directory: cwd }),
        user: leader.user,
        owner: leader.owner,
        pids: members.map(({ process }) => process.pid).slice(0, 64),
        memory: members.reduce((sum, { process }) => sum + process.memory, 0),
        health: replaced
          ? judge(
              'degraded',
              'runs a program that has been replaced on disk: it needs a restart',
              `/proc/${leader.pid}/exe`,
              host.now,
            )
          : judge('ok', 'runs', `/proc/${leader.pid}`, host.now),
        cwd,
        leader,
      },
    ]
  })
}

export const describeRuntimes = (running: readonly Running[]): Runtime[] =>
  running.map(({ cwd: _, leader: __, ...runtime }) => runtime)
