// Log files that well-known servers write beside the journal, as lines of their units. Only what is recent, and only the end.
import type { Facts, LogLine } from './check.ts'

type Log = { files: readonly string[]; unit: string }

const LOGS: readonly Log[] = [
  { unit: 'nginx.service', files: ['/var/log/nginx/*error*.log'] },
  { unit: 'apache2.service', files: ['/var/log/apache2/*error*.log'] },
  { unit: 'httpd.service', files: ['/var/log/httpd/*error*log'] },
  { unit: 'redis-server.service', files: ['/var/log/redis/redis-server*.log'] },
  { unit: 'redis.service', files: ['/var/log/redis/redis.log'] },
  { unit: 'mariadb.service', files: ['/var/log/mysql/error.log', '/var/log/mariadb/mariadb.log'] },
  { unit: 'mysql.service', files: ['/var/log/mysql/error.log'] },
  { unit: 'mysqld.service', files: ['/var/log/mysqld.log'] },
  { unit: 'mongod.service', files: ['/var/log/mongodb/mongod.log'] },
]
/** Debian's clusters: the name of the file is the name of the unit. */
const CLUSTERS = '/var/log/postgresql/postgresql-*-*.log'
const CLUSTER = /postgresql-(\d+)-(.+)\.log$/

/** PHP's: the version is in the name of both. */
const PHP = '/var/log/php*-fpm.log'
const FPM = /(php[\d.]*-fpm)\.log$/

const TAIL = 48 * 1024
const HOUR = 3_600_000
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Dates as these servers write them: `2026-11-22 20:45:01[.123][ UTC|Z]`, `2026/11/22 20:45:01`, `22 Nov 2026 20:45:01`, `Nov 22 20:45:01.123 2026`. */
export function parseStamp(text: string): number | undefined {
  const iso = /\b(\d{4})[-/](\d\d)[-/](\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?( ?(?:UTC|GMT|Z)\b)?/.exec(text)
  if (iso) return stamp(iso[1], iso[2], iso[3], iso[4], iso[5] !== undefined)
  const words = /\b(\d\d?)[ -]([A-Z][a-z]{2})[ -](\d{4}) (\d\d:\d\d:\d\d)/.exec(text)
  if (words) return stamp(words[3], month(words[2]), words[1], words[4])
  const apache = /\b([A-Z][a-z]{2}) (\d\d?) (\d\d:\d\d:\d\d)(?:\.\d+)? (\d{4})/.exec(text)
  return apache ? stamp(apache[4], month(apache[1]), apache[2], apache[3]) : undefined
}

const month = (name = ''): string => String(MONTHS.indexOf(name) + 1)
const two = (text = ''): string => text.padStart(2, '0')
function stamp(year = '', month = '', day = '', time = '', utc = false): number | undefined {
  const at = Date.parse(`${year}-${two(month)}-${two(day)}T${time}${utc ? 'Z' : ''}`)
  return Number.isNaN(at) ? undefined : at
}

export function readLogs({ host, now }: Facts): LogLine[] {
  const clusters = host.glob(CLUSTERS).map((path) => {
    const [, version, name] = CLUSTER.exec(path) ?? []
    return { path, unit: `postgresql@${version}-${name}.service` }
  })
  const named = LOGS.flatMap(({ unit, files }) =>
    files.flatMap((file) => host.glob(file).map((path) => ({ path, unit }))),
  )
  const pools = host.glob(PHP).map((path) => ({ path, unit: `${FPM.exec(path)?.[1]}.service` }))
  return [...named, ...clusters, ...pools].flatMap(({ path, unit }) => {
    const changed = host.stat(path)?.mtimeMs ?? 0
    return changed < now - HOUR ? [] : linesOf(host.tail(path, TAIL), path, unit, now)
  })
}

/** A line without a date belongs to the one before. */
function linesOf(text: string, path: string, unit: string, now: number): LogLine[] {
  let at = 0
  return text.split('\n').flatMap((line) => {
    at = parseStamp(line.slice(0, 80)) ?? at
    if (line.trim() === '' || at < now - HOUR) return []
    return [{ at, unit, identifier: path, priority: 6, pid: Number(/\b(\d+)#\d+:/.exec(line)?.[1] ?? 0), text: line }]
  })
}
