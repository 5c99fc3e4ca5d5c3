// The way to Central, for the approver's tool: where an API key may be sent, what it is asked, and how a refusal is said.
import { isIP } from 'node:net'
import { z } from 'zod'
import { type Kept, Refusal } from './keeper.ts'
import { escaped } from './show.ts'

const PATIENCE_MS = 30_000

/** An API key goes only where nobody on the way reads it. @throws Refusal */
export function siteOf(central: string): string {
  if (!URL.canParse(central)) throw new Refusal(`${escaped(central)} is no URL.`)
  const { protocol, hostname } = new URL(central)
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))) return central
  throw new Refusal(`${escaped(central)} would have the API key sent in clear: --central must begin with https://.`)
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'))

const Refused = z.object({ code: z.string(), details: z.object({ why: z.string().optional() }).optional() })

const NEXT: Readonly<Record<string, string>> = {
  AUTH_FAILED: ' `login` takes another one; the signing key stays.',
}

/** @throws Refusal */
export async function ask({ central, token }: Pick<Kept, 'central' | 'token'>, path: string, body?: unknown) {
  const response = await fetch(new URL(path, central), {
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch((error: Error) => {
    throw new Refusal(`${central} cannot be reached: ${String(error.cause ?? error)}`)
  })
  const answer: unknown = await response.json().catch(() => {
    throw new Refusal(`${central} answered with ${response.status}, and with what is no JSON.`)
  })
  if (response.ok) return answer
  const { code = String(response.status), details } = Refused.safeParse(answer).data ?? {}
  throw new Refusal(`${escaped(code)} ${escaped(details?.why ?? '')}${NEXT[code] ?? ''}`)
}
