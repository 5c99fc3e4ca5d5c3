// Signing in and out. Nothing here tells whether an account exists.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { z } from 'zod'
import { evidenceFrom, type Factors, type Identity, type SignIn } from '../../identity/identity.ts'
import { type Door, localPath, sentFromHere } from '../door.ts'
import { notice } from '../format.ts'
import { page } from '../layout.ts'
import { proofFields } from '../proof.ts'

export type SignInRooms = { identity: Identity; publicUrl: string }

const Query = z.object({ next: z.string().optional().catch(undefined), again: z.string().optional().catch(undefined) })
const Password = z.object({ email: z.string().max(320), password: z.string().max(1024), next: z.string().optional() })
const Next = z.object({ next: z.string().optional() })
const Passkey = z.object({ passkey: z.string().max(65_536), next: z.string().optional() })

type Said = { email?: string; next: string; error?: string }

export function registerSignIn(app: FastifyInstance, door: Door, rooms: SignInRooms): void {
  const { identity } = rooms
  const { signIn, sessions } = identity
  const ours = { preHandler: mustBeOurs(rooms.publicUrl) }
  const doorOf = (request: FastifyRequest) => ({ address: request.ip, from: request })

  app.get('/sign-in', async (request, reply) => {
    const { next, again } = Query.parse(request.query)
    const session = await identity.sessionOf(request)
    if (session && again === undefined) return reply.redirect(localPath(next))
    return send(reply, 200, signInPage({ next: localPath(next), ...(session && { email: session.email }) }))
  })

  app.post('/sign-in', ours, async (request, reply) => {
    const { data } = Password.safeParse(request.body)
    if (!data) return send(reply, 400, signInPage({ next: '/', error: 'Fill in both fields.' }))
    const next = localPath(data.next)
    const result = await signIn.withPassword(data.email, data.password, doorOf(request))
    return finish(reply, result, next, (error) => signInPage({ next, error, email: data.email }))
  })

  app.post('/sign-in/passkey-options', ours, async (_request, reply) =>
    reply.header('cache-control', 'no-store').send(await signIn.passkeyOptions()),
  )

  app.post('/sign-in/passkey', ours, async (request, reply) => {
    const { data } = Passkey.safeParse(request.body)
    const next = localPath(data?.next)
    const result = await signIn.withPasskey(parseJson(data?.passkey), doorOf(request))
    return finish(reply, result, next, (error) => signInPage({ next, error }), PASSKEY_WRONG)
  })

  app.get('/sign-in/second-factor', async (request, reply) => {
    const factors = await signIn.secondStep(request)
    const next = localPath(Query.parse(request.query).next)
    return factors ? send(reply, 200, secondFactorPage(factors, { next })) : reply.redirect('/sign-in')
  })

  app.post('/sign-in/second-factor', ours, async (request, reply) => {
    const factors = await signIn.secondStep(request)
    const evidence = evidenceFrom(request.body)
    const next = localPath(Next.safeParse(request.body).data?.next)
    if (!factors) return reply.redirect('/sign-in', 303)
    if (!evidence) return send(reply, 400, secondFactorPage(factors, { next, error: FACTOR_WRONG }))
    const result = await signIn.withSecondFactor(evidence, doorOf(request))
    return finish(reply, result, next, (error) => secondFactorPage(factors, { next, error }), FACTOR_WRONG)
  })

  app.post('/sign-in/second-factor/options', ours, async (request, reply) => {
    const options = await signIn.secondStepPasskeyOptions(request)
    return reply
      .code(options ? 200 : 409)
      .header('cache-control', 'no-store')
      .send(options ?? {})
  })

  door.post('/sign-out', async ({ reply, session }) => {
    await sessions.end(session.userId, session.id)
    return reply.header('set-cookie', sessions.cookies.session.clear()).redirect('/sign-in', 303)
  })

  function finish(
    reply: FastifyReply,
    result: SignIn,
    next: string,
    again: (error: string) => string,
    wrong = 'The e-mail address or the password is not right.',
  ) {
    if (result.kind === 'signed_in') {
      reply.header('set-cookie', [result.setCookie, sessions.cookies.step.clear()])
      return reply.redirect(next, 303)
    }
    if (result.kind === 'second_factor') {
      const to = `/sign-in/second-factor${next === '/' ? '' : `?next=${encodeURIComponent(next)}`}`
      return reply.header('set-cookie', result.setCookie).redirect(to, 303)
    }
    if (result.why === 'start_again') return reply.redirect('/sign-in', 303)
    if (!('retryAfterS' in result)) return send(reply, 401, again(wrong))
    reply.header('retry-after', result.retryAfterS)
    return send(reply, 429, again(`Too many attempts. Wait ${inWords(result.retryAfterS)} and try again.`))
  }
}

const FACTOR_WRONG = 'That did not work: it was wrong, too old, or already used.'
const PASSKEY_WRONG = 'This passkey is not known here, or the request took too long.'

const inWords = (seconds: number): string => (seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} minutes`)

/** Forms without a session: the browser says which site they come from. */
export const mustBeOurs =
  (publicUrl: string) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!sentFromHere(request, publicUrl)) {
      await reply.code(403).type('text/plain; charset=utf-8').send('This form was sent from another site.\n')
    }
  }

export const send = (reply: FastifyReply, status: number, body: string): FastifyReply =>
  reply.code(status).header('cache-control', 'no-store').type('text/html; charset=utf-8').send(body)

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

const problem = (error: string | undefined): string => (error ? notice('bad', html`<p>${error}</p>`) : '')

const signInPage = ({ email = '', next, error }: Said): string =>
  page({
    title: 'Sign in',
    scripts: ['simplewebauthn.js', 'passkey-proof.js'],
    body: html`<div class="stack narrow"><h1>Sign in</h1>!${problem(error)}
<form class="card stack" method="post" action="/sign-in"><input type="hidden" name="next" value="${next}">
<div class="field"><label for="email">E-mail address</label><input id="email" name="email" type="email" autocomplete="username" value="${email}" required ${email ? '' : 'autofocus'}></div>
<div class="field"><label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required ${email ? 'autofocus' : ''}></div>
<button class="button primary">Sign in</button></form>
<form class="stack needs-script" method="post" action="/sign-in/passkey"><input type="hidden" name="next" value="${next}"><input type="hidden" name="csrf"><input type="hidden" name="passkey">
<p class="or">or</p><button type="button" class="button" data-passkey="/sign-in/passkey-options">Sign in with a passkey</button><p class="error" data-passkey-error role="alert" hidden></p></form></div>`,
  })

const secondFactorPage = (factors: Factors, { next, error }: Said): string =>
  page({
    title: 'Second factor',
    scripts: ['simplewebauthn.js', 'passkey-proof.js'],
    body: html`<div class="stack narrow"><h1>One more step</h1>
<form class="card stack stretch" method="post" action="/sign-in/second-factor"><input type="hidden" name="next" value="${next}"><input type="hidden" name="csrf">
!${proofFields(factors, { submit: 'Sign in', challengeUrl: '/sign-in/second-factor/options', error })}</form>
!${factors.recoveryCodes > 0 ? recoveryForm(next) : ''}
<p><a href="/sign-in">Start again</a></p></div>`,
  })

const recoveryForm = (next: string): string =>
  html`<details class="card"><summary>Use a recovery code</summary><form class="stack" method="post" action="/sign-in/second-factor"><input type="hidden" name="next" value="${next}"><div class="field"><label for="recovery">Recovery code</label><input id="recovery" name="code" class="mono" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="24" required><p class="hint">Each of your recovery codes works once.</p></div><button class="button">Sign in</button></form></details>`
