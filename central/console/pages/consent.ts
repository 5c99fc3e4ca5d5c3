// The consent page: which client, described by whom, sent where, may do what. Shown for every request of every client.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { z } from 'zod'
import { SCOPES, type Scope } from '../../domain/principal.ts'
import type { Identity, SessionView } from '../../identity/identity.ts'
import type { ConsentDecision, ConsentRequest, OAuth } from '../../oauth/oauth.ts'
import { sameText, sentFromHere } from '../door.ts'
import { facts, notice } from '../format.ts'
import { csrfField, page } from '../layout.ts'
import { prose } from '../visible.ts'
import { send } from './sign-in.ts'

export type ConsentRooms = { identity: Identity; oauth: OAuth; publicUrl: string }

const Params = z.object({ uid: z.string().regex(/^[A-Za-z0-9_-]{10,64}$/) })
const many = z.union([z.string().transform((one) => [one]), z.array(z.string())]).optional()
const Form = z.object({ csrf: z.string(), decision: z.enum(['allow', 'deny']), scope: many })

type Visit = { request: FastifyRequest; reply: FastifyReply; uid: string; session: SessionView }

export function registerConsent(app: FastifyInstance, { identity, oauth, publicUrl }: ConsentRooms): void {
  const pairOf = ({ request, reply }: Pick<Visit, 'request' | 'reply'>) => ({
    request: request.raw,
    response: reply.raw,
  })
  const signIn = (reply: FastifyReply, uid: string, again: boolean) =>
    reply.redirect(`/sign-in?${again ? 'again=1&' : ''}next=${encodeURIComponent(`/oauth/consent/${uid}`)}`, 303)

  /** Either there is a person and a request that waits in this browser, or the reply has been sent. */
  async function enter(request: FastifyRequest, reply: FastifyReply): Promise<Visit | undefined> {
    const { data } = Params.safeParse(request.params)
    if (!data || !(await oauth.consent.waits(pairOf({ request, reply }), data.uid))) {
      send(reply, 410, gonePage)
      return undefined
    }
    const session = await identity.sessionOf(request)
    if (session) return { request, reply, uid: data.uid, session }
    signIn(reply, data.uid, false)
  }

  app.get('/oauth/consent/:uid', async (request, reply) => {
    const visit = await enter(request, reply)
    if (!visit) return reply
    const asked = await oauth.consent.show(pairOf(visit), visit.uid, visit.session)
    if (!asked) return send(reply, 410, gonePage)
    if (asked.signInAgain) return signIn(reply, visit.uid, true)
    reply.header('content-security-policy', policyFor(asked))
    return send(reply, 200, consentPage(asked, visit.session))
  })

  app.post('/oauth/consent/:uid', async (request, reply) => {
    const visit = await enter(request, reply)
    if (!visit) return reply
    const { data } = Form.safeParse(request.body)
    if (!data || !sentFromHere(request, publicUrl) || !sameText(data.csrf, visit.session.csrf)) {
      return send(reply, 403, foreignPage)
    }
    const result = await oauth.consent.decide(pairOf(visit), visit.uid, visit.session, decisionOf(data))
    if (result === 'gone') return send(reply, 410, gonePage)
    if (result === 'sign_in_again') return signIn(reply, visit.uid, true)
    return reply.header('cache-control', 'no-store').redirect(result.next, 303)
  })
}

function decisionOf(form: z.infer<typeof Form>): ConsentDecision {
  if (form.decision === 'deny') return { allow: false }
  return { allow: true, scopes: SCOPES.filter((scope) => form.scope?.includes(scope)) }
}

/** The browser follows this form's answer to the client, so the client's address must be allowed as a target. */
const policyFor = ({ formAction }: ConsentRequest): string =>
  `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self' ${formAction}; frame-ancestors 'none'; base-uri 'none'`

const SCOPE_WORDS: Record<Scope, { label: string; hint: string }> = {
  read: { label: 'Look', hint: 'List servers, read their status, logs and files, run commands that change nothing.' },
  execute: {
    label: 'Ask for changes',
    hint: 'Propose commands and other changes. Nothing of that runs before a person has approved it here.',
  },
}

function scopeBox(scope: Scope, asked: readonly Scope[]): string {
  const { label, hint } = SCOPE_WORDS[scope]
  // Changes without looking make no sense, so looking stays where both are asked for.
  const fixed = scope === 'read' && asked.length > 0
  return html`<div class="check">!${fixed ? html`<input type="hidden" name="scope" value="${scope}">` : ''}<input type="checkbox" id="scope-${scope}" !${fixed ? 'disabled' : 'name="scope"'} value="${scope}" checked aria-describedby="scope-${scope}-hint"><label for="scope-${scope}">${label}</label><p class="hint" id="scope-${scope}-hint">${hint}</p></div>`
}

function consentPage(asked: ConsentRequest, session: SessionView): string {
  const { uid, clientName, documentHost, redirectUri, redirectHost, loopback, scopes, lasting } = asked
  const local = html`<p><strong>This client is a program on the machine where your browser runs.</strong> Any program there can call itself <q>!${prose(clientName, 80)}</q>. Go on only if you have just started the connection yourself.</p>`
  const elsewhere = html`<p>Central has not checked this name. Go on only if you have just started the connection yourself.</p>`
  return page({
    title: 'Connect a client',
    session,
    body: html`<div class="stack narrow"><h1>Let <q>!${prose(clientName, 80)}</q> work with your servers?</h1>
!${notice('warn', loopback ? local : elsewhere)}
<section class="card">!${facts([
      ['Calls itself', prose(clientName, 80)],
      ['Described at', documentHost ? html`<strong>${documentHost}</strong>` : 'nowhere: it registered itself'],
      [
        'Answer goes to',
        html`<strong>${redirectHost}</strong><br><span class="muted small wrap-anywhere">${redirectUri}</span>`,
      ],
      ['For', html`${session.email}`],
    ])}</section>
<form class="card stack" method="post" action="/oauth/consent/${uid}">!${csrfField(session)}
<fieldset class="stack"><legend>It may</legend>!${scopes.map((scope) => scopeBox(scope, scopes))}</fieldset>
<p class="hint">${lasting ? 'It stays connected until you disconnect it on your account page, or does not use the connection for 30 days.' : 'It stays connected for 15 minutes.'}</p>
<div class="row"><button class="button primary" name="decision" value="allow">Allow</button><button class="button" name="decision" value="deny">Refuse</button></div></form></div>`,
  })
}

const gonePage = page({
  title: 'Too late',
  body: html`<div class="stack narrow"><h1>This request is no longer there</h1><p>It was answered, or took too long, or was begun in another browser. Start the connection again in your client.</p></div>`,
})

const foreignPage = page({
  title: 'Refused',
  body: html`<div class="stack narrow"><h1>This form is not ours</h1><p>It came from another site or another session. Nothing was granted. Start the connection again in your client.</p></div>`,
})

/** For `renderError` of oauth: what cannot be sent back to the client is told to the person. */
export const oauthErrorPage = ({ code, description }: { code: string; description: string | undefined }): string =>
  page({
    title: 'Connection refused',
    body: html`<div class="stack narrow"><h1>The client could not be connected</h1>!${notice('bad', html`<p>${description ?? 'The request was refused.'}</p>`)}<p class="muted small">Code <code>${code}</code></p><p>Nothing was granted. If you started this in a client, look there for a newer version, or connect it again.</p></div>`,
  })
