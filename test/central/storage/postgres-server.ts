// PostgreSQL servers of a test's own, on a free port of the loopback, by Debian's binaries.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

export type PostgresServer = {
  /** A new, empty database on it. */
  createDatabase(): Promise<{ url: string; drop(): Promise<void> }>
  restart(): Promise<void>
  stop(): Promise<void>
}

const HOME = '/usr/lib/postgresql'

/** Why there can be no PostgreSQL here, or undefined. */
export function whyNoPostgres(): string | undefined {
  if (!binaries()) return `no PostgreSQL under ${HOME} (test/setup-debian.sh installs it)`
  if (userInfo().uid === 0 && postgresUser() === undefined)
    return 'PostgreSQL will not run as root, and there is no user postgres'
  return undefined
}

function binaries(): string | undefined {
  if (!existsSync(HOME)) return undefined
  const [newest] = readdirSync(HOME).sort((a, b) => Number(b) - Number(a))
  const bin = join(HOME, newest ?? '', 'bin')
  return existsSync(join(bin, 'postgres')) ? bin : undefined
}

function postgresUser(): { uid: number; gid: number } | undefined {
  const id = (flag: string) => spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' })
  const [uid, gid] = [id('-u'), id('-g')]
  return uid.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined
}

/**
 * The shell in between ends the server and removes its files when its standard input closes: also when the test
 * process is killed.
 */
const KEEPER = `
"$0/initdb" -D "$1/data" -A trust -U postgres --no-sync --no-instructions >"$1/log" 2>&1 || exit 1
start() {
  "$0/postgres" -D "$1/data" -p "$2" -k "$1" -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 \
    -c shared_buffers=16MB >>"$1/log" 2>&1 & server=$!
}
start "$1" "$2"
while read -r word; do
  kill -INT "$server"; wait "$server"
  [ "$word" = restart ] || break
  start "$1" "$2"
done
kill -INT "$server" 2>/dev/null; wait "$server"
rm -rf "$1"
`

export async function startPostgres(): Promise<PostgresServer> {
  const port = await freePort()
  const keeper = startKeeper(port)
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let startedAt = await untilItAnswers(url, keeper)
  return {
    ...serverAt(url),
    restart: async () => {
      keeper.stdin?.write('restart\n')
      startedAt = await untilItAnswers(url, keeper, startedAt)
    },
    stop: () =>
      new Promise((resolve) => {
        keeper.once('exit', () => resolve())
        keeper.stdin?.end()
      }),
  }
}

function startKeeper(port: number): ChildProcess {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-postgres-'))
  const user = userInfo().uid === 0 ? postgresUser() : undefined
  if (user) chownSync(directory, user.uid, user.gid)
  const keeper = spawn('/bin/sh', ['-c', KEEPER, binaries() ?? '', directory, String(port)], {
    ...user,
    cwd: directory,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true, // an interrupt at the terminal must not reach it before us
  })
  keeper.unref()
  if (keeper.stdin instanceof Socket) keeper.stdin.unref()
  return keeper
}

/** When it was started; waits for another start than `before`. */
async function untilItAnswers(url: string, keeper: ChildProcess, before?: string): Promise<string> {
  for (;;) {
    if (keeper.exitCode !== null) throw new Error('PostgreSQL did not start')
    const startedAt = await query(url, 'select pg_postmaster_start_time()::text as value').catch(() => undefined)
    if (startedAt && startedAt !== before) return startedAt
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The column `value` of the first row, if there is one. */
async function query(url: string, statement: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{ value: string }>(statement)
    return rows[0]?.value
  } finally {
    await client.end()
  }
}

let databases = 0

/** One that runs already; `url` names any database of it, as a user that may create others. */
export const serverAt = (url: string): Pick<PostgresServer, 'createDatabase'> => ({
  createDatabase: async () => {
    databases += 1
    const name = `mttrly_${process.pid}_${databases}`
    await query(url, `create database ${name}`)
    const own = new URL(url)
    own.pathname = `/${name}`
    return { url: own.href, drop: async () => void (await query(url, `drop database ${name} with (force)`)) }
  },
})

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
