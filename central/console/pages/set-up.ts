// The one page that makes the owner, reached by the link that Central prints at its first start. The link's token
// stands behind the #: no server log, proxy or Referer sees it, and looking at the page uses nothing up.
import type { FastifyInstance } from 'fastify'
import { html } from 'ghtml'
import { z } from 'zod'
import { MIN_PASSWORD } from '../../identity/password.ts'
import { notice } from '../format.ts'
import { page } from '../layout.ts'
import { mustBeOurs, type SignInRooms, send } from './sign-in.ts'

const Form = z.object({
  token: z.string().trim().max(200),
  email: z.string().trim().max(320),
  password: z.string().max(1024),
})

export function registerSetUp(app: FastifyInstance, { identity, publicUrl }: SignInRooms): void {
  app.get('/setup', async (_request, reply) => {
    if (await identity.accounts.ownerExists()) return reply.redirect('/sign-in')
    return send(reply, 200, setUpPage({}))
  })

  app.post('/setup', { preHandler: mustBeOurs(publicUrl) }, async (request, reply) => {
    const { data } = Form.safeParse(request.body)
    if (!data) return send(reply, 400, setUpPage({ error: 'Fill in every field.' }))
    const account = await identity.accounts.setUp({ ...data, address: request.ip })
    if ('refused' in account) {
      return send(reply, account.refused === 'throttled' ? 429 : 422, setUpPage({ ...data, error: account.why }))
    }
    const setCookie = await identity.sessions.open({ userId: account.id, amr: ['pwd'], from: request })
    return reply.header('set-cookie', setCookie).redirect('/account?welcome', 303)
  })
}

const setUpPage = ({ token = '', email = '', error }: { token?: string; email?: string; error?: string }): string =>
  page({
    title: 'Set up',
    scripts: ['set-up.js'],
    body: html`<div class="stack narrow"><h1>Set up this Central</h1>
<p>You become its owner: you decide who may do what, and you approve changes.</p>
!${error ? notice('bad', html`<p>${error}</p>`) : ''}
<form class="card stack" method="post" action="/setup">
<div class="field" data-set-up-code><label for="token">Set-up code</label><input id="token" name="token" class="mono" autocomplete="off" spellcheck="false" value="${token}" required><p class="hint">The part of the set-up link behind the #. It works once.</p></div>
<div class="field"><label for="email">E-mail address</label><input id="email" name="email" type="email" autocomplete="username" value="${email}" required></div>
<div class="field"><label for="password">Password</label><input id="password" name="password" type="password" autocomplete="new-password" minlength="${MIN_PASSWORD}" required><p class="hint">At least ${MIN_PASSWORD} characters. A few unrelated words are good.</p></div>
<button class="button primary">Create the owner</button></form></div>`,
  })
