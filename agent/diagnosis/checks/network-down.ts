// An interface that was used and is down, or the way out that is gone. One that nobody has configured may be down.
import { netFile } from '../../reality/kernel/sockets.ts'
import type { Check, Facts } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { isNamed } from '../units.ts'
import { topicsOf } from '../words.ts'
import { parseResolvConf } from './dns-failure.ts'

const UP = 1
/** Of IPv6; no network that people build has less. */
const LEAST_MTU = 1_280
const SHORTLY_MS = 15 * 60_000
const COMPLAINT = /network is (?:unreachable|down)|enetunreach|no route to host|ehostunreach/i
/** Made by programs, as they need them. */
const VIRTUAL = /^(?:lo|docker|br-|virbr|cni|flannel|cali|tun|tap|dummy|ifb|bond_|podman|lxc|wg|sit|gre|ip6tnl|teql)/

/** `ip -o address show`: index, name, family, address. */
export function parseAddresses(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [, name = '', address = ''] of text.matchAll(/^\d+: (\S+?)(?:@\S+)?\s+inet6? (\S+)/gm))
    if (!address.startsWith('fe80:')) found.set(name, [...(found.get(name) ?? []), address])
  return found
}

type Interface = { name: string; up: boolean; carrier: boolean; state: string }

function interfaces({ host }: Facts): Interface[] {
  return host.list('/sys/class/net').flatMap((name) => {
    const read = (what: string): string => host.kernel(`/sys/class/net/${name}/${what}`).trim()
    const flags = Number.parseInt(read('flags'), 16)
    if (Number.isNaN(flags)) return []
    const up = (flags & UP) !== 0
    return [
      {
        name,
        up,
        carrier: !up || host.kernel(`/sys/class/net/${name}/carrier`).trim() !== '0',
        state: read('operstate'),
      },
    ]
  })
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** What the host's own configuration says of an interface; names with patterns are taken as written. */
function configured({ host }: Facts, name: string): string | undefined {
  const word = new RegExp(`(?:^|[\\s"':=])${literal(name)}(?:$|[\\s"':])`, 'm')
  const files = [
    '/etc/network/interfaces',
    '/etc/network/interfaces.d/*',
    '/etc/netplan/*.yaml',
    '/etc/systemd/network/*.network',
    '/etc/NetworkManager/system-connections/*',
    `/etc/sysconfig/network-scripts/ifcfg-${name}`,
  ]
  return files
    .flatMap((pattern) => host.glob(pattern))
    .find((path) => word.test(host.text(path).replace(/^\s*#.*$/gm, '')))
}

const OPTIONAL = /^\s*(?:optional: *(?:true|yes|on)|RequiredForOnline *= *(?:no|false|0))\b/im
const ADDRESS = /addresses:\s*(?:\[\s*|-\s*)["']?[\da-f.:]+\/\d|^(?:Address *=|address\d=|IPADDR\d?=)/m

/** Whether an address of its own is written for it there, and whether the host may do without it; of netplan, its own block alone. */
function wishFor(text: string, name: string): { fixed: boolean; optional: boolean } {
  const written = text.replace(/^\s*#.*\n/gm, '')
  const block = new RegExp(`^([ \\t]*)["']?${literal(name)}["']?:[ \\t]*\\n((?:\\1[ \\t]+.*\\n?|[ \\t]*\\n)*)`, 'm')
  const own = block.exec(written)?.[2] ?? written
  const iface = new RegExp(`^iface\\s+${literal(name)}\\s+inet6?\\s+static`, 'm')
  return { fixed: ADDRESS.test(own) || iface.test(own), optional: OPTIONAL.test(own) }
}

function gatewayWanted({ host }: Facts): string | undefined {
  const files = [
    '/etc/network/interfaces',
    '/etc/network/interfaces.d/*',
    '/etc/netplan/*.yaml',
    '/etc/systemd/network/*.network',
    '/etc/NetworkManager/system-connections/*',
  ]
  const wants =
    /^\s*(?:gateway|Gateway=|gateway4|gateway6|DHCP=(?:yes|ipv4|ipv6)|dhcp4: *(?:true|yes))|inet dhcp|to: default|^method=auto/m
  return files.flatMap((pattern) => host.glob(pattern)).find((path) => wants.test(host.text(path)))
}

/** Over which interfaces there is a default route. Of version 6, `lo` has one that leads nowhere. */
const waysOut = (route4: string, route6: string): string[] =>
  [...route4.matchAll(/^(\S+)\t00000000\t\S+\t/gm), ...route6.matchAll(/^0{32} 00 .*\s(?!lo$)(\S+)$/gm)].map(
    ([, name = '']) => name,
  )

/** Name servers that no route leads to: somebody has meant them to be reached. */
function serversBeyond({ host }: Facts, routes: string): string[] {
  const networks = [...routes.matchAll(/^\S+\t([0-9A-F]{8})\t[0-9A-F]{8}\t(?:\S+\t){4}([0-9A-F]{8})/gm)].map(
    ([, to = '', mask = '']) => [Number.parseInt(to, 16), Number.parseInt(mask, 16)],
  )
  // The kernel prints an address as the processor holds it.
  const value = (address: string): number =>
    address.split('.').reduce((sum, byte, i) => sum + Number(byte) * 256 ** i, 0)
  const reached = (address: string): boolean =>
    networks.some(([to = 0, mask = 0]) => (value(address) & mask) >>> 0 === (to & mask) >>> 0)
  return parseResolvConf(host.text('/etc/resolv.conf')).filter(
    (server) => /^\d+(?:\.\d+){3}$/.test(server) && !server.startsWith('127.') && !reached(server),
  )
}

/** The kernel has asked for it in its own network, and nobody was it. Name servers beyond it are asked by another check meanwhile. */
async function silentGateway(facts: Facts, routes: string): Promise<string | undefined> {
  const hex = /^\S+\t00000000\t([0-9A-F]{8})\t/m.exec(routes)?.[1]
  if (hex === undefined || hex === '00000000') return undefined
  const gateway = (hex.match(/../g) ?? [])
    .map((byte) => Number.parseInt(byte, 16))
    .reverse()
    .join('.')
  const state = (): string | undefined =>
    netFile(facts.host, 'arp')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find(([address]) => address === gateway)?.[2]
  const [, last] = await facts.twice(state)
  return last === '0x0' ? gateway : undefined
}

export const networkDown: Check = {
  name: 'network-down',
  topics: ['network', 'dns'],
  async run(facts) {
    const { host, now } = facts
    const [addressText, recent] = await Promise.all([facts.run('addresses'), facts.journal('recent')])
    const addresses = parseAddresses(addressText ?? '')
    const complaints = recent.filter(({ at, text }) => at > now - SHORTLY_MS && COMPLAINT.test(text))
    const all = interfaces(facts)
    const links = [next.run('ip addr', 'The interfaces'), next.run('ip route', 'The routes')]
    const route4 = host.text('/proc/1/net/route') || host.text('/proc/net/route')
    const route6 = host.text('/proc/1/net/ipv6_route') || host.text('/proc/net/ipv6_route')
    const ways = waysOut(route4, route6)

    const down = all.flatMap(({ name, up, carrier, state }) => {
      if (up && carrier) return []
      const from = configured(facts, name)
      const has = addresses.get(name) ?? []
      if (name !== 'lo' && (VIRTUAL.test(name) || (!from && has.length === 0))) return []
      const { fixed, optional } = wishFor(from ? host.text(from) : '', name)
      // An installer writes DHCP for every interface that there is, and the spare ones have no cable.
      const spare = optional || (!fixed && has.length === 0)
      const missed = isNamed(facts, name) || (route4 !== '' && !ways.some((way) => way !== name))
      return [
        finding({
          cause: 'NETWORK_DOWN',
          subject: name,
          title: up ? `Interface ${name} has no carrier: cable, switch or peer is gone` : `Interface ${name} is down`,
          severity: name === 'lo' ? 'critical' : missed || !spare ? 'high' : 'low',
          confidence: missed || !spare ? 0.9 : 0.5,
          evidence: [
            seen(`/sys/class/net/${name}`, now, `operstate ${state}${up ? ', no carrier' : ', not up'}`),
            ...(has.length > 0 ? [seen('ip address show', now, `${name} has ${has.join(', ')}`)] : []),
            ...(from ? [seen(from, now, `configures ${name}`)] : []),
            ...complaints.slice(-2).map(quoted),
          ],
          next: links,
        }),
      ]
    })
    if (down.some(({ severity }) => severity !== 'low')) return down
    const narrow = all.flatMap(({ name }) => {
      const mtu = Number(host.kernel(`/sys/class/net/${name}/mtu`))
      if (VIRTUAL.test(name) || !(mtu > 0 && mtu < LEAST_MTU)) return []
      return finding({
        cause: 'NETWORK_DOWN',
        subject: name,
        title: `Interface ${name} takes packets of no more than ${mtu} bytes: small answers arrive, and large ones hang`,
        confidence: 0.85,
        evidence: [seen(`/sys/class/net/${name}/mtu`, now, `${mtu}`)],
        next: links,
      })
    })
    if (narrow.length > 0) return [...narrow, ...down]

    const silent = await silentGateway(facts, route4)
    if (silent)
      return [
        finding({
          cause: 'NETWORK_DOWN',
          subject: 'default route',
          title: `The gateway ${silent} does not answer: nothing beyond this host's own networks is reached`,
          confidence: 0.88,
          evidence: [
            seen('/proc/net/route', now, `the default route goes over ${silent}`),
            seen('/proc/net/arp', now, `nobody in its network says that he is ${silent}`),
            ...complaints.slice(-3).map(quoted),
          ],
          explains: ['/etc/resolv.conf', '/etc/hosts'],
          next: links,
        }),
        ...down,
      ]
    const wanted = gatewayWanted(facts)
    const used = all.some(({ name }) => name !== 'lo' && !VIRTUAL.test(name))
    const asked = serversBeyond(facts, route4)
    const named = topicsOf(facts.question.problem).has('network')
    if (ways.length > 0 || !used || route4 === '') return down
    const evident = wanted !== undefined || complaints.length > 0 || asked.length > 0
    return [
      finding({
        cause: 'NETWORK_DOWN',
        subject: 'default route',
        title: 'There is no default route: this host reaches nothing beyond its own networks',
        // Some hosts are meant to reach nobody.
        severity: evident ? 'high' : named ? 'medium' : 'low',
        confidence: wanted ? 0.85 : 0.75,
        evidence: [
          seen('/proc/net/route', now, 'no route to 0.0.0.0/0'),
          ...(wanted ? [seen(wanted, now, 'wants one')] : []),
          ...asked.map((server) => seen('/etc/resolv.conf', now, `name server ${server} is in none of them`)),
          ...complaints.slice(-3).map(quoted),
        ],
        explains: ['/etc/resolv.conf'],
        next: links,
      }),
      ...down,
    ]
  },
}
