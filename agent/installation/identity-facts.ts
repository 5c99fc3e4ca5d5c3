// Who this host is and whom it believes: the daemon's identity, what root has pinned, and whether the two are of one
// enrolment. Also what the installer asks before it keeps an identity.
import { createPublicKey, X509Certificate } from 'node:crypto'
import type { Drift } from '#proto/contract/installation.ts'
import { halfLife, type Identity, wrongCertificate } from '../identity/identity.ts'
import { type Layout, layoutUnder } from './layout.ts'
import type { Look } from './look.ts'
import { readReleaseKey } from './release-facts.ts'

export type IdentityFacts = {
  identity: Identity | undefined
  /** Whether there is a file at all. */
  identityIsThere: boolean
  /** The server that the act lane takes itself for. */
  trustedServer: string | undefined
  centralUrl: string | undefined
  hasReleaseKey: boolean
  recordedVersion: string | undefined
}

const HOST = layoutUnder('/')
/** Of the certificate's life: it is renewed at half of it, and a link may be down for a while. */
const RENEWED_BY = 0.65

const parsed = (text: string | undefined): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

const FIELDS = ['serverId', 'caPem', 'linkAddress', 'keyPem', 'certificatePem'] as const satisfies (keyof Identity)[]

/** Looked at with care: the directory is the daemon's own, and we may be root. */
function readIdentity(look: Look, layout: Layout): Identity | undefined {
  const identity = parsed(look.text(layout.identity))
  return FIELDS.every((field) => typeof identity?.[field] === 'string') ? (identity as Identity) : undefined
}

function trustedServer(look: Look, layout: Layout): string | undefined {
  const trust = parsed(look.text(layout.trust))
  try {
    const { serverId, actionKeyPem } = trust ?? {}
    createPublicKey(String(actionKeyPem))
    return typeof serverId === 'string' ? serverId : undefined
  } catch {
    return undefined
  }
}

export function readIdentityFacts(look: Look, layout: Layout): IdentityFacts {
  const centralUrl = look.text(layout.centralUrl)?.trim()
  const version = parsed(look.text(layout.record))?.version
  return {
    identity: readIdentity(look, layout),
    identityIsThere: look.at(layout.identity) !== undefined,
    trustedServer: trustedServer(look, layout),
    centralUrl: centralUrl !== undefined && URL.canParse(centralUrl) ? centralUrl : undefined,
    hasReleaseKey: readReleaseKey(look, layout) !== undefined,
    recordedVersion: typeof version === 'string' ? version : undefined,
  }
}

export function certificateExpiry({ identity }: IdentityFacts): number {
  try {
    return identity ? new X509Certificate(identity.certificatePem).validToDate.getTime() : 0
  } catch {
    return 0
  }
}

const SHOULD = 'usable'

function ownIdentity({ identity, identityIsThere, trustedServer }: IdentityFacts, now: number): Drift[] {
  const target = HOST.identity
  if (!identity)
    return [{ code: 'IDENTITY_MISSING', target, was: identityIsThere ? 'damaged' : 'missing', should: SHOULD }]
  const { serverId, caPem } = identity
  if (trustedServer !== undefined && trustedServer !== serverId)
    return [{ code: 'IDENTITY_MISMATCH', target, was: serverId, should: trustedServer }]
  const wrong = wrongCertificate(identity, { caPem, serverId, now })
  if (wrong === undefined) return lateRenewal(identity, now)
  const code = /expired/.test(wrong) ? 'CERTIFICATE_EXPIRED' : 'IDENTITY_MISSING'
  return [{ code, target, was: `its certificate: ${wrong}`, should: SHOULD }]
}

function lateRenewal({ certificatePem }: Identity, now: number): Drift[] {
  const { validFromDate, validToDate } = new X509Certificate(certificatePem)
  const late = validFromDate.getTime() + (validToDate.getTime() - validFromDate.getTime()) * RENEWED_BY
  if (now < late) return []
  const due = new Date(halfLife(certificatePem)).toISOString()
  const was = `due since ${due}, ends ${validToDate.toISOString()}`
  return [{ code: 'CERTIFICATE_EXPIRING', target: HOST.identity, was, should: 'renewed' }]
}

export function identityDrifts(facts: IdentityFacts, version: string, now: number): Drift[] {
  const pins: [place: string, good: boolean][] = [
    [HOST.trust, facts.trustedServer !== undefined],
    [HOST.releaseKey, facts.hasReleaseKey],
    [HOST.centralUrl, facts.centralUrl !== undefined],
  ]
  const drifts = pins.flatMap(([target, good]): Drift[] =>
    good ? [] : [{ code: 'PIN_MISSING', target, was: 'missing or damaged', should: 'pinned' }],
  )
  drifts.push(...ownIdentity(facts, now))
  const { recordedVersion = 'missing or damaged' } = facts
  if (recordedVersion !== version && version !== '')
    drifts.push({ code: 'RECORD_MISSING', target: HOST.record, was: recordedVersion, should: version })
  return drifts
}

/** Why this host cannot go on as who it is; undefined when it can. */
export function whyUnusable(facts: IdentityFacts, now: number): string | undefined {
  if (facts.trustedServer === undefined) return `${HOST.trust} is missing or damaged`
  const [drift] = ownIdentity(facts, now).filter(({ code }) => code !== 'CERTIFICATE_EXPIRING')
  return drift && `${drift.target} is not usable: ${drift.was}`
}
