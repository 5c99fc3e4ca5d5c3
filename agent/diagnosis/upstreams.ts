// What the web servers of this host pass requests to, where that is on this host, and which unit should answer there.
import type { Unit } from '#proto/contract/reality.ts'
import { isLoopback, mentionsPort, ownAddresses, resolve } from './addresses.ts'
import type { Facts } from './check.ts'
import { isOwn, isTroubled, type Watched } from './units.ts'

type Wanted = Pick<Upstream, 'port' | 'path' | 'name'> & { pool?: string }
const SERVERS = /^(?:nginx|apache2|httpd|caddy|haproxy)\./
/** The agent's own units answer nobody. */
const OURS = /^mttrly-/

export type Upstream = {
  /** What the configuration calls a group of them. */
  pool: string
  /** The name or address that is asked, and a port; or the path of a socket. */
  name: string
  port?: number
  path?: string
  /** `127.0.0.1:3000`, as it can be told to a person. */
  what: string
  sites: string[]
  server: string
  file: string
}

const UNIX = /^(?:\w+:\/\/)?unix\/?:?(?:\/\/)?(\/[^:|\s]+)/
const TARGET = /^(?:(\w+):\/\/)?([^/\s:]+|\[[^\]]+\])(?::(\d{1,5}))?(?:[/\s].*)?$/
const SPARE = / (?:backup|down)\b/

function parseTarget(target: string): Pick<Upstream, 'name' | 'port' | 'path' | 'what'> | undefined {
  const path = UNIX.exec(target)?.[1]
  if (path) return { name: '', path, what: path }
  const plain = /^:?(\d{2,5})$/.exec(target)?.[1]
  if (plain) return { name: 'localhost', port: Number(plain), what: `localhost:${plain}` }
  const [, scheme = 'http', name = '', given] = TARGET.exec(target.trim()) ?? []
  if (name === '' || name.includes('$')) return undefined
  const port = Number(given ?? (scheme === 'https' ? 443 : 80))
  const bare = name.replace(/^\[|\]$/g, '')
  return { name: bare, port, what: `${bare}:${port}` }
}

const HAPROXY = '/etc/haproxy/haproxy.cfg'
const HAPROXY_MAX = 256 * 1024

/** haproxy's own: `server NAME ADDRESS` within a backend or a listen section. */
function ofHaproxy({ host }: Facts): Passed[] {
  let section = ''
  return host
    .text(HAPROXY, HAPROXY_MAX)
    .split('\n')
    .flatMap((raw) => {
      const [word = '', name = '', target = '', ...options] = raw.replace(/#.*/, '').trim().split(/\s+/)
      if (/^(?:backend|listen|frontend|defaults|global)$/.test(word)) section = name
      if (word !== 'server' || options.some((each) => each === 'backup' || each === 'disabled')) return []
      return [
        {
          target: target.replace(/^unix@/, 'unix:'),
          pool: section,
          sites: [section],
          server: 'haproxy',
          file: HAPROXY,
        },
      ]
    })
}

type Passed = Pick<Upstream, 'pool' | 'sites' | 'server' | 'file'> & { target: string }

const ofSites = ({ reality }: Facts): Passed[] =>
  reality.sites.flatMap(({ upstreams, names, server, file }) =>
    upstreams.flatMap(({ target, members }) =>
      (members.length > 0 ? members : [target])
        .filter((each) => !SPARE.test(each))
        .map((each) => ({
          target: each,
          pool: members.length > 0 ? (/^(?:\w+:\/\/)?([^/:]+)/.exec(target)?.[1] ?? '') : '',
          sites: names.length > 0 ? names : [file],
          server,
          file,
        })),
    ),
  )

/** Those of this host alone. A pool stands for its members; one that is a spare need not be there. */
export function localUpstreams(facts: Facts): Upstream[] {
  const own = ownAddresses(facts.host)
  const isHere = (name: string): boolean =>
    resolve(facts.host, name).some((address) => isLoopback(address) || own.includes(address))
  const found = new Map<string, Upstream>()
  for (const { target, sites, ...passed } of [...ofSites(facts), ...ofHaproxy(facts)]) {
    const parsed = parseTarget(target)
    if (!parsed || (parsed.path === undefined && !isHere(parsed.name))) continue
    const before = found.get(parsed.what)
    found.set(parsed.what, { ...parsed, ...passed, sites: [...new Set([...(before?.sites ?? []), ...sites])] })
  }
  return [...found.values()]
}

/**
 * The unit that should answer at a port: its own files name it, or what it has logged; it is called as the pool or the site is;
 * else the only one of this host that is in trouble.
 */
export function supplierOf(
  facts: Facts,
  { port, path, name, pool }: Wanted,
  watched: readonly Watched[] = [],
): Unit | undefined {
  const services = facts.reality.units.filter(
    ({ kind, id }) => kind === 'service' && !SERVERS.test(id) && !OURS.test(id),
  )
  const own = services.filter(isOwn)
  const fits = (unit: Unit): boolean =>
    (port !== undefined && port > 79 && mentionsPort(facts, unit, port)) ||
    (path !== undefined && facts.host.text(unit.file ?? '', 65_536).includes(path))
  const said = port === undefined ? undefined : new RegExp(`(?:[:\\s]|port )${port}\\b`)
  const names = [name, pool ?? ''].filter((each) => each.length > 2)
  const troubled = watched.filter(
    (each) => isTroubled(each) && own.some(({ id }) => id === each.id) && each.state !== 'masked',
  )
  return (
    own.find(fits) ??
    services.find(({ id }) => names.includes(id.replace(/\.service$/, ''))) ??
    watched.find(
      ({ unit, lines }) =>
        isOwn(unit) && said && lines.some(({ text }) => /listen|serv|start|ready/i.test(text) && said.test(text)),
    )?.unit ??
    (troubled.length === 1 ? troubled[0]?.unit : undefined)
  )
}

/** The units of a web server. */
export const servedBy = ({ reality }: Facts, server: string): string[] =>
  reality.units.filter(({ id }) => id.startsWith(server) && SERVERS.test(id)).map(({ id }) => id)
