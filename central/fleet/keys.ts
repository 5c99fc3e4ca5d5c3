// The directory of Central's keys. It is made whole at the first start and renamed into place, so that a directory that
// lacks one of them has been damaged: then Central refuses to start, because a new key would cut off every agent.
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CatalogueError } from '#proto/contract/errors.ts'
import { sha256 } from '#proto/contract/grant.ts'
import type { Clock } from '../domain/clock.ts'
import { AUTHORITY_FILES, type Authority, readAuthorities } from './authorities.ts'
import { type Ca, createAuthority, type KeyPairPem, type LinkNames, openCa } from './ca.ts'
import { filesIn, syncDirectory, writeDurably } from './durable-file.ts'
import { KeysFault, readPrivate, splitPem } from './key-files.ts'

export { KeysFault }

const AUTHORITY = AUTHORITY_FILES.issuing
const ACTION_KEY = 'action.key'
const LINK = 'link.pem'
const NAME = /^[a-z0-9][a-z0-9.-]*$/

/**
 * `ca` issues; `authorities` are all that are believed, the issuing one first. `actionKey` signs grants (Ed25519). `link` is
 * the certificate that agents see.
 */
export type Keys = { ca: Ca; authorities: readonly Authority[]; actionKey: KeyObject; link: KeyPairPem }

/**
 * Makes the keys at the first start and reads them at every other. To be called before any other reader of `dir`.
 * @throws KeysFault
 */
export async function loadKeys(dir: string, options: { clock: Clock; link: LinkNames }): Promise<Keys> {
  const names = filesIn(dir)
  if (!names || names.length === 0) await createKeys(dir, options.clock)
  else requireWhole(dir, names)
  const authorities = readAuthorities(dir)
  const ca = whileItIssues(dir, await openCa(splitPem(readPrivate(dir, AUTHORITY)), options.clock))
  const actionKey = createPrivateKey(readPrivate(dir, ACTION_KEY))
  return { ca, authorities, actionKey, link: await loadLink(dir, ca, options) }
}

const REPLACED = 'The certificate authority of Central was replaced. Central must be restarted before it issues again.'

/** A switch is made by another process: after it the old key signs nothing more, also while Central still runs with it. */
function whileItIssues(dir: string, ca: Ca): Ca {
  function requireIssuing(): void {
    const { certificatePem } = splitPem(readPrivate(dir, AUTHORITY))
    if (sha256(new Uint8Array(new X509Certificate(certificatePem).raw)) === ca.fingerprint) return
    throw new CatalogueError('CONNECTION_ERROR', { reason: 'authority_replaced', why: REPLACED })
  }
  return {
    ...ca,
    requireIssuing,
    async issueAgent(csrPem, identity) {
      requireIssuing()
      return ca.issueAgent(csrPem, identity)
    },
  }
}

/** Random bytes under a name, made when first asked for. */
export function loadOrCreateSecret(dir: string, name: string, bytes: number): Buffer {
  return loadOrCreate(
    dir,
    name,
    () => randomBytes(bytes).toString('base64'),
    (text) => Buffer.from(text, 'base64'),
  )
}

/** A private key under a name (PKCS #8, PEM), made when first asked for. */
export function loadOrCreatePrivateKey(dir: string, name: string, create: () => KeyObject): KeyObject {
  return loadOrCreate(dir, name, () => pemOf(create()), createPrivateKey)
}

function loadOrCreate<T>(dir: string, name: string, create: () => string, read: (text: string) => T): T {
  if (!NAME.test(name)) throw new TypeError(`not a name for a key: ${name}`)
  if (!filesIn(dir)?.includes(name)) writeDurably(join(dir, name), create())
  return read(readPrivate(dir, name))
}

async function createKeys(dir: string, clock: Clock): Promise<void> {
  const authority = await createAuthority(clock)
  mkdirSync(dirname(dir), { recursive: true })
  const aside = mkdtempSync(`${dir}.new-`)
  try {
    writeDurably(join(aside, AUTHORITY), authority.keyPem + authority.certificatePem)
    writeDurably(join(aside, ACTION_KEY), pemOf(generateKeyPairSync('ed25519').privateKey))
    chmodSync(aside, 0o700)
    renameSync(aside, dir)
    syncDirectory(dirname(dir))
  } catch (error) {
    rmSync(aside, { recursive: true, force: true })
    throw error
  }
}

function requireWhole(dir: string, names: readonly string[]): void {
  const missing = [AUTHORITY, ACTION_KEY].filter((name) => !names.includes(name))
  if (missing.length === 0) return
  throw new KeysFault(
    `${dir} holds keys but lacks ${missing.join(' and ')}. Restore it from a backup; with new keys no enrolled agent could connect any more.`,
  )
}

/** The link's certificate is replaceable at any time: agents know the CA, not it. */
async function loadLink(dir: string, ca: Ca, { clock, link }: { clock: Clock; link: LinkNames }): Promise<KeyPairPem> {
  if (filesIn(dir)?.includes(LINK)) {
    const pair = splitPem(readPrivate(dir, LINK))
    if (stillFits(pair, ca, link, clock.now())) return pair
  }
  const pair = await ca.issueLink(link)
  writeDurably(join(dir, LINK), pair.keyPem + pair.certificatePem)
  return pair
}

function stillFits({ certificatePem }: KeyPairPem, ca: Ca, { dns, ip }: LinkNames, now: number): boolean {
  const certificate = new X509Certificate(certificatePem)
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()]
  const count = (certificate.subjectAltName ?? '').split(', ').length
  const sameNames =
    count === 1 + dns.length + ip.length &&
    dns.every((name) => certificate.checkHost(name, { subject: 'never' })) &&
    ip.every((address) => certificate.checkIP(address))
  const issuer = new X509Certificate(ca.certificatePem)
  return sameNames && now < (from + to) / 2 && certificate.verify(issuer.publicKey)
}

const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
