// Fetching Client ID Metadata Documents. The URL comes from whoever opens the authorization endpoint, so it is an
// attacker's way to make Central ask something of a machine that only Central can reach. Refused before any request:
// names without a dot, local names, addresses, other ports, and names that resolve to an address of special use. The
// authorization server then checks the connected socket again, allows no redirect, and bounds size and time.
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import type { Clock } from '../domain/clock.ts'
import { normaliseClientMetadata } from './client-metadata.ts'
import { createLru } from './lru.ts'
import { createRateLimit } from './rate-limit.ts'

/** Fetches that one address may cause in an hour. */
const FETCHES = { max: 60, windowMs: 3_600_000 }
const MAX_DOCUMENT = 5 * 1024
/** A document that failed is not asked for again at once: the server looks for the client twice, and people reload. */
const FAILED_FOR = 5_000

const LOCAL_SUFFIXES = [
  'localhost',
  'local',
  'internal',
  'lan',
  'home',
  'home.arpa',
  'corp',
  'intranet',
  'private',
  'test',
  'invalid',
  'onion',
]

/** RFC 6890 and its registries, as far as they are not for the public. IPv4 written as IPv6 (::ffff:0:0/96) is checked as IPv4. */
const SPECIAL = new BlockList()
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  SPECIAL.addSubnet(address, prefix, 'ipv4')
for (const [address, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  SPECIAL.addSubnet(address, prefix, 'ipv6')

export const isSpecialUse = (address: string): boolean => SPECIAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** Whether a document may be asked for at this URL, as far as the URL tells. */
export function isFetchable(clientId: string): boolean {
  const url = URL.parse(clientId)
  if (url?.protocol !== 'https:' || url.port !== '' || url.username || url.password || url.hash) return false
  const host = url.hostname.toLowerCase().replace(/\.$/, '')
  if (url.pathname === '/' || host.startsWith('[') || isIP(host) !== 0 || !host.includes('.')) return false
  return !LOCAL_SUFFIXES.some((suffix) => host.endsWith(`.${suffix}`))
}

export type ClientDocumentSettings = {
  enabled: boolean
  /** In place of the network, for tests. */
  fetch?: typeof fetch
  resolve?: (host: string) => Promise<string[]>
  /** Which documents are trusted; all, unless an administrator says otherwise. */
  trust?: (clientId: string) => boolean
}

const resolveAll = async (host: string): Promise<string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address)

export function createClientDocuments(settings: ClientDocumentSettings & { clock: Clock }) {
  const { resolve = resolveAll, trust = () => true, clock } = settings
  const inner = settings.fetch ?? globalThis.fetch
  const limit = createRateLimit({ ...FETCHES, clock })
  const failedUntil = createLru<number>(1_000)
  const failedLately = (clientId: string): boolean => (failedUntil.get(clientId) ?? 0) > clock.now()

  async function fetchDocument(url: URL, init?: RequestInit): Promise<Response> {
    const addresses = await inTime(resolve(url.hostname), init?.signal)
    if (addresses.length === 0 || addresses.some(isSpecialUse))
      throw new Error('The name resolves to a special address')
    const response = await inner(url.href, init)
    if (response.status !== 200) throw new Error(`The answer was ${response.status}`)
    return normalised(response, url.href)
  }

  return {
    /** Asked before each fetch, not when the cache answers. `address` is who caused it. */
    allowFetch: (clientId: string, address: string): boolean =>
      isFetchable(clientId) && !failedLately(clientId) && limit.admit(address),
    allowClient: trust,

    async fetch(url: string | URL | Request, init?: RequestInit): Promise<Response> {
      const target = new URL(url instanceof Request ? url.url : url)
      if (!isFetchable(target.href)) throw new Error('This address is not fetched')
      try {
        return await fetchDocument(target, init)
      } catch (error) {
        failedUntil.set(target.href, clock.now() + FAILED_FOR)
        throw error
      }
    },
  }
}

/** Resolving a name cannot be called off, but need not be waited for. */
function inTime<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work
  return Promise.race([
    work,
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
  ])
}

/** The document in the shape that the server accepts. */
async function normalised(response: Response, clientId: string): Promise<Response> {
  const result = normaliseClientMetadata(JSON.parse(await boundedText(response)), 'document')
  if ('refused' in result) throw new Error(result.refused.error_description)
  if (result.metadata.client_id !== clientId) throw new Error('The document is of another client')
  const headers = new Headers(response.headers)
  headers.delete('content-length')
  headers.delete('content-encoding')
  return new Response(JSON.stringify(result.metadata), { status: 200, headers })
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_DOCUMENT) throw new Error(`The document is longer than ${MAX_DOCUMENT} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
