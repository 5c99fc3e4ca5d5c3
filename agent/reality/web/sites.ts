// The sites of the web servers of this host, and whether they can be served: is the server there, does it listen, is there
// somebody behind every local upstream.
import { dirname, resolve } from 'node:path'
import type { Health, Site } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import type { Host } from '../host.ts'
import type { Process } from '../kernel/processes.ts'
import type { HeldSocket } from '../kernel/sockets.ts'
import { APACHE, sitesOfApache } from './apache.ts'
import { CADDY, sitesOfCaddy } from './caddy.ts'
import { type Config, type Directive, readConfig, type Syntax } from './directive.ts'
import { NGINX, type PlainSite, sitesOfNginx } from './nginx.ts'

type Server = {
  server: Site['server']
  syntax: Syntax
  sites(directives: readonly Directive[]): PlainSite[]
  program: RegExp
  /** The option of its command line that names the configuration. */
  option: RegExp
  configs: readonly string[]
  /** What relative names are relative to; caddy's to the file that has them. */
  base?: (config: string) => string
}

const SERVERS: readonly Server[] = [
  {
    server: 'nginx',
    syntax: NGINX,
    sites: sitesOfNginx,
    program: /^(?:nginx|openresty|angie)$/,
    option: /^-c$/,
    configs: [
      '/etc/nginx/nginx.conf',
      '/usr/local/nginx/conf/nginx.conf',
      '/usr/local/openresty/nginx/conf/nginx.conf',
    ],
    base: dirname,
  },
  {
    server: 'apache',
    syntax: APACHE,
    sites: sitesOfApache,
    program: /^(?:apache2|httpd)$/,
    option: /^-f$/,
    configs: [
      '/etc/apache2/apache2.conf',
      '/etc/httpd/conf/httpd.conf',
      '/etc/apache2/httpd.conf',
      '/usr/local/apache2/conf/httpd.conf',
    ],
    base: (config) => dirname(config).replace(/\/conf$/, ''),
  },
  {
    server: 'caddy',
    syntax: CADDY,
    sites: sitesOfCaddy,
    program: /^caddy$/,
    option: /^(?:-c|--?config)$/,
    configs: ['/etc/caddy/Caddyfile'],
  },
]

type World = { host: Host; processes: readonly Process[]; sockets: readonly HeldSocket[] }

/** nginx joins its arguments into one text with a title. */
function configOf({ option, configs }: Server, running: Process | undefined, host: Host): string | undefined {
  const words = (running?.argv ?? []).flatMap((each) => each.split(' '))
  const named = words[words.findIndex((word) => option.test(word)) + 1]
  const given = named?.startsWith('/') && words.some((word) => option.test(word)) ? named : undefined
  return given ?? configs.find((path) => host.exists(path))
}

/** Every address that something listens on, so that an upstream can be looked up: its port, or the path of its socket. */
const addressesOf = (sockets: readonly HeldSocket[]): Set<string> =>
  new Set(
    sockets.flatMap(({ protocol, port, address }) =>
      protocol === 'udp' ? [] : [port === undefined ? address : String(port)],
    ),
  )

const LOOPBACK = /^(?:\w+:\/\/)?(?:localhost|127(?:\.\d+){3}|\[::1\])(?::(\d+))?(?:[/ ]|$)/
/** A member of a pool that need not be there. */
const SPARE = / (?:backup|down)\b/
const UNIX = /^(?:\w+:\/\/)?unix\/?:?(\/[^:| ]+)/

/** The port or path of an upstream on this host; undefined for one that is elsewhere or has variables. */
export function localUpstream(target: string): string | undefined {
  const path = UNIX.exec(target)?.[1]
  if (path) return path
  const match = LOOPBACK.exec(
    /^\d+$/.test(target) || /^:\d+$/.test(target) ? `localhost:${target.replace(':', '')}` : target,
  )
  return match === null ? undefined : (match[1] ?? (target.startsWith('https:') ? '443' : '80'))
}

const portOf = (listen: string): string | undefined => /^(?:\S*:)?(\d{1,5})(?:\s|$)/.exec(listen)?.[1]

function judgeSite(
  site: PlainSite,
  server: Server,
  running: Process | undefined,
  world: World,
  open: Set<string>,
  own: Set<string>,
): Health {
  const at = world.host.now
  const say = (state: Health['state'], why: string, source: string): Health => judge(state, why, source, at)
  if (!running) return say('stopped', `${server.server} does not run`, site.file)
  const silent = site.listens.map(portOf).find((port) => port !== undefined && !own.has(port))
  if (silent)
    return say(
      'degraded',
      `${server.server} does not listen on port ${silent}: not reloaded, or failed to`,
      '/proc/net/tcp',
    )
  for (const { target, members } of site.upstreams)
    for (const each of members.length > 0 ? members : [target]) {
      const local = SPARE.test(each) ? undefined : localUpstream(each)
      if (local !== undefined && !open.has(local))
        return say('degraded', `nothing listens behind ${each}`, '/proc/net/tcp')
    }
  return say('ok', 'served', site.file)
}

/** `certificates`: the files as the configuration names them, with the names that they must cover. */
export type Sites = { sites: Site[]; configs: string[]; certificates: { path: string; names: string[] }[] }

export function readSites(world: World): Sites {
  const { host, processes, sockets } = world
  const open = addressesOf(sockets)
  const found = SERVERS.map((server): Sites => {
    const running = processes.find(
      ({ name, owner, state }) => server.program.test(name) && owner.kind !== 'container' && state !== 'Z',
    )
    const path = configOf(server, running, host)
    const config: Config | undefined =
      path === undefined ? undefined : readConfig(host, path, server.syntax, server.base?.(path))
    if (!config || path === undefined) return { sites: [], configs: [], certificates: [] }
    // What nobody is known to hold may be this server's.
    const own = addressesOf(sockets.filter(({ holder }) => !holder || server.program.test(holder.name)))
    const certificatesOf = ({ certificates }: PlainSite): string[] =>
      certificates
        .filter((each) => !each.includes('$'))
        .slice(0, 20)
        .map((each) => resolve(server.base?.(path) ?? dirname(path), each))
    const describe = (site: PlainSite): Site => ({
      server: server.server,
      names: site.names.slice(0, 50),
      listens: site.listens.slice(0, 50),
      ...(site.root && { root: site.root }),
      upstreams: site.upstreams.slice(0, 100).map(({ location, target, members }) => ({
        location,
        target,
        members: members.slice(0, 50),
      })),
      certificates: certificatesOf(site),
      file: site.file,
      health: judgeSite(site, server, running, world, open, own),
    })
    const plain = server.sites(config.directives)
    return {
      sites: plain.map(describe),
      configs: config.files,
      certificates: plain.flatMap((site) => certificatesOf(site).map((each) => ({ path: each, names: site.names }))),
    }
  })
  return {
    sites: found.flatMap(({ sites }) => sites),
    configs: found.flatMap(({ configs }) => configs),
    certificates: found.flatMap(({ certificates }) => certificates),
  }
}
