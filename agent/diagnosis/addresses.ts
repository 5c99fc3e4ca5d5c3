// Who can be reached where on this host: its own addresses, the names that it gives them, listeners that answer at an address,
// and who was refused by whom.
import type { Listener, Unit } from '#proto/contract/reality.ts'
import type { Host } from '../reality/host.ts'
import { netFile } from '../reality/kernel/sockets.ts'
import type { Facts, LogLine } from './check.ts'
import { isOwn, settingsOf, unitText, type Watched } from './units.ts'

/** /proc/net/fib_trie: an address, and below it that it is one of this host. */
export const parseLocal = (text: string): string[] => [
  ...new Set([...text.matchAll(/\|-- (\d+(?:\.\d+){3})\n\s+\/32 host LOCAL/g)].map(([, address = '']) => address)),
]
/** /proc/net/if_inet6: 32 digits, and the name last. */
const parseLocal6 = (text: string): string[] =>
  [...text.matchAll(/^([0-9a-f]{32}) /gm)].map(([, hex = '']) =>
    /^0{31}1$/.test(hex) ? '::1' : hex.replace(/(.{4})(?=.)/g, '$1:'),
  )

export const ownAddresses = (host: Host): string[] => [
  ...parseLocal(netFile(host, 'fib_trie')),
  ...parseLocal6(netFile(host, 'if_inet6')),
]

export const isLoopback = (address: string): boolean =>
  /^127\./.test(address) || address === '::1' || address === 'localhost'

/** A name of /etc/hosts as its addresses; an address as itself. */
export function resolve(host: Host, name: string): string[] {
  if (/^[\d.]+$|:/.test(name)) return [name.replace(/^\[|\]$/g, '')]
  if (name === 'localhost') return ['127.0.0.1', '::1']
  return host
    .text('/etc/hosts')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .flatMap(([address = '', ...names]) => (names.includes(name) ? [address] : []))
}

const answersAt = ({ address }: Listener, wanted: string): boolean =>
  address === wanted || address === '::' || (address === '0.0.0.0' && !wanted.includes(':'))

export const listenersOn = ({ reality }: Facts, port: number): Listener[] =>
  reality.listeners.filter((each) => each.protocol === 'tcp' && each.port === port)

/** Somebody answers at the port at one of the addresses of a name. */
export const answers = (facts: Facts, name: string, port: number): boolean =>
  listenersOn(facts, port).some((each) => resolve(facts.host, name).some((address) => answersAt(each, address)))

export const unitOf = ({ owner }: Listener): string | undefined => (owner?.kind === 'unit' ? owner.name : undefined)

const SCRIPT_MAX = 64 * 1024
const SCRIPTS_MOST = 8
const SETTING =
  /(?:^|[\s='"(-])(\/(?:etc|srv|opt|home|var\/www|var\/lib|usr\/local)\/[\w./@+-]+|[\w./-]+\.(?:m?js|cjs|ts|py|rb|pl|php|sh|json|ya?ml|toml|conf|ini|env|cfg|properties))(?=['"),;\s]|$)/gm

const texts = new WeakMap<Facts, Map<string, string>>()

/** All that a unit's own files say: its unit file, the environment it is given, its scripts, and the settings that those name. */
export function textsOf(facts: Facts, unit: Unit): string {
  const known = texts.get(facts) ?? new Map<string, string>()
  texts.set(facts, known)
  const text = known.get(unit.id) ?? readTexts(facts, unit)
  known.set(unit.id, text)
  return text
}

function readTexts(facts: Facts, unit: Unit): string {
  const text = unitText(facts, unit)
  const base = unit.directory ?? ''
  const read = new Map<string, string>()
  const follow = (from: string): string => {
    const found: string[] = []
    for (const [, path = ''] of from.matchAll(SETTING)) {
      const whole = path.startsWith('/') ? path : base && `${base}/${path.replace(/^\.\//, '')}`
      if (whole === '' || read.has(whole) || read.size >= SCRIPTS_MOST) continue
      const content = facts.host.text(whole, SCRIPT_MAX)
      if (content === '' || content.includes('\0')) continue
      read.set(whole, content)
      found.push(content)
    }
    return found.join('\n')
  }
  const started = ['ExecStart', 'ExecStartPre', 'Environment', 'EnvironmentFile']
    .flatMap((key) => settingsOf(text, key))
    .join('\n')
  follow(follow(started))
  if (base) follow(`${base}/.env`)
  return [text, ...read.values()].join('\n')
}

export const mentionsPort = (facts: Facts, unit: Unit, port: number): boolean =>
  new RegExp(`(?<![\\d.])${port}(?![\\d.])`).test(textsOf(facts, unit))

export type Refusal = { client: Watched; name: string; port: number; line: LogLine }

const REFUSED = /ECONNREFUSED|connection refused|\(111\b|\bErrno 111\b|Error 111 connecting|refused\. Check that/i
const WHERE = [
  /upstream: "(?:\w+:\/\/)?([\w.-]+|\[[0-9a-f:]+\]):(\d{2,5})/,
  /server at "([\w.:-]+)"(?: \([^)]*\))?, port (\d{2,5})/,
  /(?:ECONNREFUSED|tcp|to|connecting to|host) (localhost|\[?(?:[0-9a-f]*:){2,}[0-9a-f]*\]?|(?:\d{1,3}\.){3}\d{1,3}|[\w-]+(?:\.[\w-]+)*):(\d{2,5})\b/i,
  /((?:\d{1,3}\.){3}\d{1,3}|localhost):(\d{2,5})\b/,
  /host[='": ]+([\w.-]+)['", ]+port[='": ]+(\d{2,5})/i,
]
const RECENT = 15 * 60_000

/** Who was asked, as a complaint says it. */
export function placeIn(text: string): { name: string; port: number } | undefined {
  const [, name, port] = WHERE.map((pattern) => pattern.exec(text)).find((each) => each !== null) ?? []
  return name === undefined ? undefined : { name: name.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** Who was told, a short while ago, that nobody listens: each address once, for the client that asked last. */
export function refusals(watched: readonly Watched[], now: number): Refusal[] {
  const found = new Map<string, Refusal>()
  for (const client of watched)
    for (const line of client.lines) {
      if (!REFUSED.test(line.text) || (client.state === 'running' && now - line.at > RECENT)) continue
      const place = placeIn(line.text)
      if (place) found.set(`${client.id} ${place.name} ${place.port}`, { client, ...place, line })
    }
  return [...found.values()]
}

/** Services of this host that use a database, cache or queue: by its port, its socket, or its name in their files. */
export const clientsOf = (facts: Facts, software: string, port: number): string[] =>
  facts.reality.units
    .filter((unit) => unit.kind === 'service' && isOwn(unit) && !unit.id.startsWith(software))
    .filter((unit) => {
      const text = textsOf(facts, unit)
      const named = new RegExp(`\\b${software.replace('postgresql', 'postgres')}|\\.s\\.PGSQL\\.${port}\\b`, 'i').test(
        text,
      )
      return named || (port > 0 && new RegExp(`(?<![\\d.])${port}(?![\\d.])`).test(text))
    })
    .map(({ id }) => id)
