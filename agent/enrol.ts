// `enrol`: how this host becomes a server. It runs once, in a process of its own, so zod and fetch may be loaded here.
import { X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { ENROLMENT_PATH, EnrolmentAnswer, parseInstallToken } from '#proto/contract/enrolment.ts'
import { sha256 } from '#proto/contract/grant.ts'
import { makePrivateDirectory } from './files/durable-file.ts'
import { createIdentityStore, wrongCertificate } from './identity/identity.ts'
import { createSigningRequest } from './identity/signing-request.ts'
import { hostKeyIn } from './lanes/settings.ts'
import { pinTrust } from './lanes/trust.ts'

const ANSWER_MS = 30_000
const LARGEST_ANSWER = 1_048_576

export type Enrolment =
  | { ok: true; serverId: string; linkAddress: string }
  | { ok: false; why: 'token' | 'central' | 'refused' | 'unreachable' | 'answer' | 'enrolled'; detail: string }

/** Root must not write, as root, into a directory that somebody else owns. */
export type AsOwner = <T>(act: () => T) => T

type Failed = Extract<Enrolment, { ok: false }>
const failed = (why: Failed['why'], detail: string): Failed => ({ ok: false, why, detail })

/** The address to enrol at. Plain http only to this host itself: the token would be there for anyone to read. */
export function enrolmentUrl(central: string): URL | undefined {
  if (!URL.canParse(ENROLMENT_PATH, central)) return undefined
  const url = new URL(ENROLMENT_PATH, central)
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  return url.protocol === 'https:' || (url.protocol === 'http:' && local) ? url : undefined
}

/** The body, unless it is no JSON or larger than any enrolment. */
async function readJson(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > LARGEST_ANSWER) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    return undefined
  }
}

const Refusal = z.object({
  code: z.string().regex(/^[A-Z_]{3,40}$/),
  details: z
    .object({ why: z.string().regex(/^[\x20-\x7e]{1,200}$/) })
    .optional()
    .catch(undefined),
})

/** The code, and why, where Central says so in plain words. */
function refusalIn(content: unknown): string | undefined {
  const { code, details } = Refusal.safeParse(content).data ?? {}
  return details ? `${code}: ${details.why}` : code
}

async function post(url: URL, body: unknown): Promise<{ content: unknown } | Failed> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const content = await readJson(response)
    if (response.ok) return { content }
    return failed('refused', refusalIn(content) ?? `HTTP ${response.status}`)
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
    return failed('unreachable', cause?.code ?? (error as Error).name)
  }
}

/** Makes a key, has it certified, checks who answered by the token's fingerprint, and stores what it got. */
export async function enrol(options: {
  central: string
  token: string
  dataDirectory: string
  /** Enrol again, as a new server or with new credentials for the old one. */
  replace: boolean
  now: number
  /** Where the act lane's trust is pinned; default: within the data directory. */
  actDirectory?: string
  /** Enrolment by root: acts as the account that the agent will run as. What the act lane believes stays root's. */
  asOwner?: AsOwner
}): Promise<Enrolment> {
  const token = parseInstallToken(options.token)
  if (!token) return failed('token', 'it is not an install token')
  const url = enrolmentUrl(options.central)
  if (!url) return failed('central', 'it must be an https address, or http on this host')
  const { dataDirectory, asOwner = (act) => act(), actDirectory = join(dataDirectory, 'act') } = options
  asOwner(() => makePrivateDirectory(dataDirectory))
  const store = createIdentityStore({ directory: dataDirectory })
  if (!options.replace && asOwner(store.read))
    return failed('enrolled', 'this host is enrolled; --replace enrols it again')

  const { keyPem, csrPem } = createSigningRequest()
  const answered = await post(url, { token: options.token.trim(), csr_pem: csrPem, hostname: hostname() })
  if (!('content' in answered)) return answered
  const parsed = EnrolmentAnswer.safeParse(answered.content)
  if (!parsed.success) return failed('answer', 'it does not have the form of an enrolment')
  const { server_id: serverId, ca_pem: caPem, certificate_pem: certificatePem } = parsed.data
  if (fingerprintOf(caPem) !== token.caFingerprint)
    return failed('answer', 'its CA is not the one that the token names')
  const wrong = wrongCertificate({ keyPem, certificatePem }, { caPem, serverId, now: options.now })
  if (wrong) return failed('answer', `the certificate is wrong: ${wrong}`)

  makePrivateDirectory(actDirectory)
  hostKeyIn(options.asOwner ? actDirectory : dataDirectory)
  pinTrust(actDirectory, { serverId, actionKeyPem: parsed.data.action_key_pem })
  const linkAddress = parsed.data.link_address
  asOwner(() => {
    store.write({ serverId, caPem, linkAddress, keyPem, certificatePem })
    store.withdraw()
  })
  return { ok: true, serverId, linkAddress }
}

function fingerprintOf(caPem: string): string | undefined {
  try {
    return sha256(new Uint8Array(new X509Certificate(caPem).raw))
  } catch {
    return undefined
  }
}
