// A person at a browser without scripts: keeps cookies, follows forms, types one-time codes.
import { Secret, TOTP } from 'otpauth'

export type Person = ReturnType<typeof createPerson>

const STEP = 30_000

export type Account = { url: string; email: string; password: string; totpSecret: string }

/** `now` is the clock of the Central that this person visits. */
export function createPerson(account: Account, now: () => number = Date.now) {
  const cookies = new Map<string, string>()
  const totp = new TOTP({ secret: Secret.fromBase32(account.totpSecret) })
  let lastStep = 0

  /** A code that was not used before: each is good once, so a second one within a step is taken from the next. */
  function code(): string {
    const step = Math.max(Math.floor(now() / STEP), lastStep + 1)
    lastStep = step
    return totp.generate({ timestamp: step * STEP })
  }

  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    const url = new URL(path, account.url)
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: {
        cookie,
        'sec-fetch-site': 'same-origin',
        origin: account.url,
        ...(init.headers as Record<string, string>),
      },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) cookies.delete(pair.slice(0, at))
      else cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return response
  }

  const get = (path: string) => send(path)
  const post = (path: string, form: Record<string, string>) =>
    send(path, { method: 'POST', body: new URLSearchParams(form) })

  async function signIn(): Promise<void> {
    await post('/sign-in', { email: account.email, password: account.password })
    const done = await post('/sign-in/second-factor', { code: code() })
    if (done.status !== 303) throw new Error(`sign-in answered ${done.status}`)
  }

  async function formOf(path: string): Promise<Record<string, string>> {
    const page = await (await get(path)).text()
    const hidden = [...page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => tag)
    const attribute = (tag: string, name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]
    return Object.fromEntries(hidden.map((tag) => [attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? '']))
  }

  /** Decides an action on its page, as shown. The answer is the page's status. */
  async function decide(actionId: string, decision: 'approve' | 'reject', changes: Record<string, string> = {}) {
    const path = `/approvals/${actionId}`
    const form = await formOf(path)
    const proof: Record<string, string> = decision === 'approve' ? { code: code() } : {}
    return post(path, { ...form, decision, ...proof, ...changes })
  }

  return { ...account, code, get, post, send, signIn, formOf, decide, cookies }
}
