// Where an invitation's link leads: first what one is invited to, then a password. As with the set-up link, the token
// stands behind the #, and looking at the page uses nothing up.
import type { FastifyInstance } from 'fastify'
import { html } from 'ghtml'
import { z } from 'zod'
import type { Invitation } from '../../identity/identity.ts'
import { MIN_PASSWORD } from '../../identity/password.ts'
import { facts, notice } from '../format.ts'
import { page } from '../layout.ts'
import { prose } from '../visible.ts'
import { mustBeOurs, type SignInRooms, send } from './sign-in.ts'

const Form = z.object({ token: z.string().trim().max(200), password: z.string().max(1024).optional() })

export function registerJoin(app: FastifyInstance, { identity, publicUrl }: SignInRooms): void {
  const { invitations } = identity
  app.get('/join', async (_request, reply) => send(reply, 200, codePage()))

  app.post('/join', { preHandler: mustBeOurs(publicUrl) }, async (request, reply) => {
    const { data } = Form.safeParse(request.body)
    if (!data) return send(reply, 400, codePage('Fill in every field.'))
    const { token, password } = data
    const invitation = await invitations.look(token, request.ip)
    if ('refused' in invitation) return send(reply, statusOf(invitation), codePage(invitation.why))
    if (password === undefined) return send(reply, 200, joinPage(token, invitation))
    const account = await invitations.join({ token, password, address: request.ip })
    if ('refused' in account) return send(reply, statusOf(account), joinPage(token, invitation, account.why))
    const setCookie = await identity.sessions.open({ userId: account.id, amr: ['pwd'], from: request })
    return reply.header('set-cookie', setCookie).redirect('/account?joined', 303)
  })
}

const statusOf = ({ refused }: { refused: string }): number => (refused === 'throttled' ? 429 : 422)

const problem = (error: string | undefined): string => (error ? notice('bad', html`<p>${error}</p>`) : '')

/** The script fills in the code from the address and sends the form. */
const codePage = (error?: string): string =>
  page({
    title: 'Join',
    scripts: error ? [] : ['set-up.js'],
    body: html`<div class="stack narrow"><h1>Join a workspace</h1>!${problem(error)}
<form class="card stack" method="post" action="/join" data-send>
<div class="field" data-set-up-code><label for="token">Invitation code</label><input id="token" name="token" class="mono" autocomplete="off" spellcheck="false" required><p class="hint">The part of the invitation link behind the #. It works once.</p></div>
<button class="button primary">Go on</button></form></div>`,
  })

const joinPage = (token: string, { workspaceName, email, role, invitedBy }: Invitation, error?: string): string =>
  page({
    title: 'Join',
    body: html`<div class="stack narrow"><h1>Join !${prose(workspaceName, 80)}</h1>!${problem(error)}
<form class="card stack" method="post" action="/join"><input type="hidden" name="token" value="${token}">
!${facts([
      ['Invited by', invitedBy ? prose(invitedBy.email, 200) : 'the administrator of this Central'],
      ['Your role', html`${role}`],
    ])}
<div class="field"><label for="email">E-mail address</label><input id="email" type="email" autocomplete="username" value="${email}" readonly></div>
<div class="field"><label for="password">Password</label><input id="password" name="password" type="password" autocomplete="new-password" minlength="${MIN_PASSWORD}" required autofocus><p class="hint">At least ${MIN_PASSWORD} characters. A few unrelated words are good.</p></div>
<button class="button primary">Join</button></form></div>`,
  })
