// A PostgreSQL of Debian's for one test process, on a free port of the loopback. TEST_POSTGRES_URL names one that is
// already there instead (any database of it, as a user that may create databases).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

export type PostgresServer = {
  /** A new, empty database on it. */
  createDatabase(): Promise<{ url: string; drop(): Promise<void> }>
  port: number
  stop(): Promise<void>
}

const HOME = '/usr/lib/postgresql'

/** Why there can be no PostgreSQL here, or undefined. */
export function whyNoPostgres(): string | undefined {
  if (process.env.TEST_POSTGRES_URL) return undefined
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

export async function startPostgres(): Promise<PostgresServer & { restart(): void }> {
  const given = process.env.TEST_POSTGRES_URL
  if (given)
    return { ...serverAt(given), port: Number(new URL(given).port), stop: async () => undefined, restart: noRestart }
  const port = await freePort()
  const keeper = startKeeper(port)
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  await untilItAnswers(url, keeper)
  return {
    ...serverAt(url),
    port,
    restart: () => void keeper.stdin?.write('restart\n'),
    stop: () =>
      new Promise((resolve) => {
        keeper.once('exit', () => resolve())
        keeper.stdin?.end()
      }),
  }
}

const noRestart = () => {
  throw new Error('the server of TEST_POSTGRES_URL is not ours to restart')
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

async function untilItAnswers(url: string, keeper: ChildProcess): Promise<void> {
  for (;;) {
    if (keeper.exitCode !== null) throw new Error('PostgreSQL did not start')
    try {
      return await query(url, 'select 1')
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function query(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

let databases = 0

const serverAt = (url: string): Pick<PostgresServer, 'createDatabase'> => ({
  createDatabase: async () => {
    databases += 1
    const name = `mttrly_${process.pid}_${databases}`
    await query(url, `create database ${name}`)
    const own = new URL(url)
    own.pathname = `/${name}`
    return { url: own.href, drop: () => query(url, `drop database ${name} with (force)`) }
  },
})

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
