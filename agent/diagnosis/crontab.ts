// What is wrong with cron's tables and directories, as far as their files tell: cron passes over what it does not like, and
// says so once, in a log that few read.
import { basename } from 'node:path'
import type { Host } from '../reality/host.ts'

export type Flaw = { path: string; line?: number; flaw: string; sure: number; severe: boolean }

const TABLE_MAX = 128 * 1024
const PERIODS = ['hourly', 'daily', 'weekly', 'monthly']
/** What run-parts and cron take as names (man 8 run-parts, man 8 cron). */
const NAME = /^[\w-]+$/
const LEFT = /~$|\.(?:dpkg-\w+|bak|orig|save|swp|rpm\w+|old|disabled|placeholder)$|^\./
const FIELD = /^(?:\*|[\d*/,A-Za-z~-]+)$/
const LIMITS = [59, 23, 31, 12, 7] as const
const NICKNAME = /^@(?:reboot|yearly|annually|monthly|weekly|daily|midnight|hourly|every_\w+)\b/
const ASSIGNMENT = /^\s*["']?\w+["']?\s*=/
const BUILT_IN = new Set([
  'cd',
  'test',
  '[',
  '[[',
  'if',
  'for',
  'while',
  'export',
  'set',
  '.',
  'source',
  'exec',
  'echo',
  'true',
  'false',
  ':',
  '(',
  '{',
  'command',
  'umask',
  'ulimit',
  'nice',
  'sleep',
  'eval',
  '!',
  'case',
  'until',
  'trap',
  'wait',
  'printf',
  'kill',
  'read',
  'type',
  'unset',
  'time',
])
const PATH = '/usr/bin:/bin'
const ELSEWHERE = ['/usr/local/bin', '/usr/local/sbin', '/usr/sbin', '/sbin', '/snap/bin', '/opt/bin']

const inRange = (field: string, i: number): boolean =>
  (field.match(/\d+/g) ?? []).every((each) => Number(each) <= (LIMITS[i] ?? 0) || field.includes('/'))

/** One table. A system table names a user before the command. */
export function tableFlaws(text: string, path: string, withUser: boolean, host: Host): Flaw[] {
  const users = new Set(
    host
      .text('/etc/passwd')
      .split('\n')
      .map((line) => line.split(':')[0]),
  )
  const flaws: Flaw[] = []
  const add = (line: number, flaw: string, sure = 0.9): unknown => flaws.push({ path, line, flaw, sure, severe: true })
  let search = PATH
  if (text !== '' && !text.endsWith('\n'))
    add(text.split('\n').length, 'the last line has no end, so that cron passes over the table', 0.93)
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    if (ASSIGNMENT.test(line)) {
      search = /^\s*["']?PATH["']?\s*=\s*["']?([^"'\s]+)/.exec(line)?.[1] ?? search
      continue
    }
    const words = line.split(/\s+/)
    const times = NICKNAME.test(line) ? 1 : 5
    if (line.startsWith('@') && times === 5) add(i + 1, `"${words[0]}" is no time that cron knows`)
    else if (times === 5 && words.slice(0, 5).some((word, at) => !FIELD.test(word) || !inRange(word, at)))
      add(i + 1, `"${words.slice(0, 5).join(' ')}" is no time that cron knows`)
    else {
      const rest = words.slice(times)
      const user = withUser ? rest.shift()?.replace(/^-/, '') : undefined
      const command = rest.join(' ')
      if (withUser && user !== undefined && !users.has(user))
        add(
          i + 1,
          rest.length === 0
            ? 'there is no command'
            : `its user ${user} does not exist: a table of /etc names a user before the command`,
        )
      else if (command === '') add(i + 1, 'there is no command')
      else for (const flaw of commandFlaws(command, search, host)) add(i + 1, flaw.flaw, flaw.sure)
    }
  }
  return flaws
}

export function commandFlaws(command: string, search: string, host: Host): { flaw: string; sure: number }[] {
  const flaws: { flaw: string; sure: number }[] = []
  if (/(?<!\\)%/.test(command))
    flaws.push({ flaw: 'an unescaped % ends the command: cron takes the rest for its input', sure: 0.8 })
  const [, word = ''] = /^(?:\w+=\S*\s+)*([^\s;|&<>()]+)/.exec(command.replace(/^\(\s*/, '')) ?? []
  if (word.startsWith('/')) flaws.push(...fileFlaws(word, host))
  else if (/^[\w.+-]+$/.test(word) && !BUILT_IN.has(word)) {
    const places = search.split(':').filter(Boolean)
    const there = places.some((place) => host.exists(`${place}/${word}`) || host.hides(place))
    const other = ELSEWHERE.find((place) => host.exists(`${place}/${word}`))
    if (!there && host.exists('/bin'))
      flaws.push({
        flaw: other
          ? `${word} is in ${other}, where cron does not look (PATH is ${search})`
          : `there is no program ${word} in ${search}`,
        sure: 0.9,
      })
  }
  // What an interpreter is given.
  const [, script] =
    /^(?:\S*\/)?(?:ba|da|z|k)?sh\s+(\/[^\s;|&<>]+)|^(?:\S*\/)?(?:python[\d.]*|node|perl|ruby|php)\s+(\/[^\s;|&<>]+)/
      .exec(command)
      ?.filter((each, i) => i === 0 || each !== undefined) ?? []
  if (script !== undefined && !host.exists(script) && !host.hides(script))
    flaws.push({ flaw: `${script} does not exist`, sure: 0.95 })
  return flaws
}

function fileFlaws(path: string, host: Host): { flaw: string; sure: number }[] {
  if (host.hides(path)) return []
  if (!host.exists(path)) return [{ flaw: `${path} does not exist`, sure: 0.95 }]
  const stats = host.stat(path)
  if (stats?.isFile() && (stats.mode & 0o111) === 0) return [{ flaw: `${path} is not executable`, sure: 0.95 }]
  const interpreter = /^#! ?(\/\S+)/.exec(host.text(path, 200))?.[1]?.replace(/\r$/, '')
  return interpreter !== undefined && !host.exists(interpreter)
    ? [{ flaw: `${path} wants ${interpreter}, which does not exist`, sure: 0.93 }]
    : []
}

/** cron believes only files of root that nobody else can write (man 8 cron). */
function trustFlaws(path: string, host: Host): Flaw[] {
  const stats = host.stat(path)
  if (!stats)
    return host.kind(path) === 'link' ? [{ path, flaw: 'it is a link to nothing', sure: 0.9, severe: true }] : []
  const system = host.stat('/etc')?.uid
  if (stats.uid !== system)
    return [
      { path, flaw: `it is owned by user ${stats.uid}, not by root: cron passes over it`, sure: 0.95, severe: true },
    ]
  return (stats.mode & 0o022) !== 0
    ? [
        {
          path,
          flaw: `others than root can write it (mode ${(stats.mode & 0o7777).toString(8)}): cron passes over it`,
          sure: 0.95,
          severe: true,
        },
      ]
    : []
}

export function cronFlaws(host: Host): Flaw[] {
  const tables = host
    .list('/etc/cron.d')
    .filter((name) => !LEFT.test(name))
    .flatMap((name): Flaw[] => {
      const path = `/etc/cron.d/${name}`
      if (!NAME.test(name))
        return [
          {
            path,
            flaw: `its name "${name}" has a character that cron passes over files for`,
            sure: 0.93,
            severe: true,
          },
        ]
      return [...trustFlaws(path, host), ...tableFlaws(host.text(path, TABLE_MAX), path, true, host)]
    })
  const main = host.exists('/etc/crontab')
    ? [
        ...trustFlaws('/etc/crontab', host),
        ...tableFlaws(host.text('/etc/crontab', TABLE_MAX), '/etc/crontab', true, host),
      ]
    : []
  const users = ['/var/spool/cron/crontabs', '/var/spool/cron']
    .flatMap((directory) => host.entries(directory))
    .flatMap(({ path }) => tableFlaws(host.text(path, TABLE_MAX), path, false, host))
  const scripts = PERIODS.flatMap((period) =>
    host
      .entries(`/etc/cron.${period}`)
      .filter(({ name }) => !LEFT.test(name))
      .flatMap(({ path, name }): Flaw[] => {
        if (!NAME.test(name))
          return [
            {
              path,
              flaw: `its name "${basename(path)}" has a character that run-parts passes over files for`,
              sure: 0.93,
              severe: true,
            },
          ]
        return fileFlaws(path, host).map(({ flaw, sure }) => ({
          path,
          flaw: flaw.replace(`${path} `, 'it '),
          sure,
          severe: true,
        }))
      }),
  )
  return [...main, ...tables, ...users, ...scripts]
}
