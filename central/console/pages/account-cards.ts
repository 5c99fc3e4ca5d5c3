// What the account page is made of. Pure: views in, HTML out.
import { html } from 'ghtml'
import { toString as qr } from 'qrcode'
import type { ApiKeyView, Factors, SessionEntry, SessionView } from '../../identity/identity.ts'
import type { PasskeyView } from '../../identity/passkeys.ts'
import { MIN_PASSWORD } from '../../identity/password.ts'
import type { GrantView } from '../../oauth/oauth.ts'
import type { Answer } from '../door.ts'
import { pill, time } from '../format.ts'
import { csrfField } from '../layout.ts'
import { prose } from '../visible.ts'

type WaitingTotp = { secret: string; qr: string }

type Account = {
  session: SessionView
  said: string
  factors: Factors
  waiting: WaitingTotp | undefined
  passkeys: readonly PasskeyView[]
  sessions: readonly SessionEntry[]
  clients: readonly GrantView[]
  apiKeys: readonly ApiKeyView[]
}

/** As SVG, which needs no script and no other host. */
export const qrOf = (text: string): Promise<string> => qr(text, { type: 'svg', margin: 2, width: 200 })

/** A page for a secret that is never shown again. */
export const shownOnce = ({ title, words, secret }: { title: string; words: string; secret: string }): Answer => ({
  page: {
    title,
    active: 'account',
    body: html`<div class="stack narrow"><h1>${title}</h1><div class="notice warn"><p><strong>This is shown once.</strong> Keep it where only you can read it.</p></div><p>${words}</p><pre class="secret" data-secret>${secret}</pre><p><a class="button primary" href="/account">I have kept it</a></p></div>`,
  },
})

export const accountBody = (account: Account): string =>
  html`<div class="stack narrow"><h1>Account</h1><p class="muted">${account.session.email}</p>!${account.said}
!${passkeysCard(account)}!${totpCard(account)}!${recoveryCard(account)}!${clientsCard(account)}!${apiKeysCard(account)}!${passwordCard(account)}!${sessionsCard(account)}</div>`

/** A form with one button, for what concerns one entry. */
const act = (session: SessionView, action: string, label: string, id?: string, tone = 'quiet small'): string =>
  html`<form method="post" action="${action}">!${csrfField(session)}!${id === undefined ? '' : html`<input type="hidden" name="id" value="${id}">`}<button class="button ${tone}">${label}</button></form>`

const entry = (title: string, detail: string, action: string): string =>
  html`<li><div class="entry row"><span class="stack tight"><span class="title">!${title}</span><span class="muted small">!${detail}</span></span>!${action}</div></li>`

const list = (entries: readonly string[], empty: string): string =>
  entries.length > 0 ? html`<ul class="list">!${entries}</ul>` : html`<p class="inset muted">${empty}</p>`

const lastUsed = (at: number | null): string => (at === null ? 'never used' : html`last used !${time(at, 'age')}`)

/** What names a passkey in a host's policy.yaml. JSON is YAML. */
const approverLine = (approver: { name: string; key: string; origin: string }): string =>
  html`<details><summary>As an approver of a server in signed mode</summary><pre class="code" tabindex="0" aria-label="Line for policy.yaml">- ${JSON.stringify(approver)}</pre></details>`

function passkeysCard({ session, passkeys }: Account): string {
  const entries = passkeys.map(({ id, name, createdAt, lastUsedAt, approver }) =>
    entry(
      prose(name, 60),
      html`added !${time(createdAt, 'age')}, !${lastUsed(lastUsedAt)}!${approver === null ? '' : approverLine({ name: session.email, ...approver })}`,
      act(session, '/account/passkeys/remove', 'Remove', id),
    ),
  )
  return html`<section class="card flush" id="passkeys"><h2>Passkeys</h2>!${list(entries, 'No passkey yet.')}
<form class="inset stack needs-script" method="post" action="/account/passkeys">!${csrfField(session)}<input type="hidden" name="passkey"><div class="field"><label for="passkey-name">Name</label><input id="passkey-name" name="name" maxlength="60" placeholder="My laptop"></div><button type="button" class="button" data-enrol-passkey="/account/passkeys/options">Add a passkey</button><p class="error" data-passkey-error role="alert" hidden></p></form>
<p class="inset hint needs-no-script">Passkeys need scripts; allow them for this page.</p></section>`
}

function totpCard({ session, factors, waiting }: Account): string {
  const body = factors.totp
    ? html`<p>!${pill('good', 'In use')}</p>!${act(session, '/account/totp/remove', 'Remove', undefined, 'danger small')}`
    : waiting
      ? confirmTotp(session, waiting)
      : html`<p>Six digits from an app on your phone.</p>!${act(session, '/account/totp', 'Set up', undefined, '')}`
  return html`<section class="card stack" id="totp"><h2>Authenticator app</h2>!${body}</section>`
}

const confirmTotp = (session: SessionView, { secret, qr: image }: WaitingTotp): string =>
  html`<p>Scan this with your app, or type the key into it. Then enter the code that it shows.</p>
<figure class="qr">!${image}</figure><p class="secret mono" data-totp-secret>${secret}</p>
<form class="stack" method="post" action="/account/totp/confirm">!${csrfField(session)}<div class="field"><label for="totp-code">Code</label><input id="totp-code" name="code" class="code-input" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]{6,7}" maxlength="7" required></div><button class="button primary">Confirm</button></form>`

function recoveryCard({ session, factors }: Account): string {
  if (!factors.totp && !factors.passkeys) return ''
  const { recoveryCodes } = factors
  return html`<section class="card stack" id="recovery"><h2>Recovery codes</h2><p>${recoveryCodes === 0 ? 'None left.' : `${recoveryCodes} left.`} Each gets you in once without your second factor.</p>!${act(session, '/account/recovery-codes', 'Make new codes', undefined, '')}</section>`
}

function clientsCard({ session, clients }: Account): string {
  const entries = clients.map(({ id, clientId, clientName, scopes, createdAt, lastUsedAt }) =>
    entry(
      prose(clientName, 80),
      html`may ${scopes.join(', ')} · since !${time(createdAt, 'age')}, !${lastUsed(lastUsedAt)}!${clientId.startsWith('https://') ? html` · described at ${new URL(clientId).host}` : ''}`,
      act(session, '/account/clients/revoke', 'Disconnect', id),
    ),
  )
  return html`<section class="card flush" id="clients"><h2>Connected clients</h2>!${list(entries, 'No client is connected.')}</section>`
}

function apiKeysCard({ session, apiKeys }: Account): string {
  const entries = apiKeys.map(({ id, name, scopes, expiresAt, lastUsedAt, state }) =>
    entry(
      html`!${prose(name, 60)} !${state === 'active' ? '' : pill('idle', state)}`,
      html`may ${scopes.join(', ')} · until !${time(expiresAt)}, !${lastUsed(lastUsedAt)}`,
      state === 'active' ? act(session, '/account/api-keys/revoke', 'Revoke', id) : '',
    ),
  )
  return html`<section class="card flush" id="api-keys"><h2>API keys</h2>!${list(entries, 'No API key.')}
<form class="inset stack" method="post" action="/account/api-keys">!${csrfField(session)}
<div class="field"><label for="key-name">Name</label><input id="key-name" name="name" maxlength="60" required></div>
<div class="field"><label for="key-scopes">It may</label><select id="key-scopes" name="scopes"><option value="read">look</option><option value="execute">look and ask for changes</option></select></div>
<div class="field"><label for="key-days">Days until it expires</label><input id="key-days" name="days" type="number" min="1" max="365" value="90" required></div>
<button class="button">Create a key</button><p class="hint">For clients that cannot sign in by OAuth.</p></form></section>`
}

const passwordCard = ({ session }: Account): string =>
  html`<section class="card stack" id="password"><h2>Password</h2><form class="stack" method="post" action="/account/password">!${csrfField(session)}<input type="hidden" name="username" autocomplete="username" value="${session.email}">
<div class="field"><label for="current">Current password</label><input id="current" name="current" type="password" autocomplete="current-password" required></div>
<div class="field"><label for="new-password">New password</label><input id="new-password" name="password" type="password" autocomplete="new-password" minlength="${MIN_PASSWORD}" required><p class="hint">At least ${MIN_PASSWORD} characters. Other sessions end.</p></div>
<button class="button">Change the password</button></form></section>`

function sessionsCard({ session, sessions }: Account): string {
  const entries = sessions.map(({ id, userAgent, lastSeenAt, createdAt }) =>
    entry(
      html`!${prose(userAgent || 'unknown browser', 120)}${id === session.id ? ' (this one)' : ''}`,
      html`signed in !${time(createdAt, 'age')}, seen !${time(lastSeenAt, 'age')}`,
      id === session.id ? '' : act(session, '/account/sessions/end', 'End', id),
    ),
  )
  return html`<section class="card flush" id="sessions"><h2>Sessions</h2>!${list(entries, 'None.')}<div class="inset">!${act(session, '/account/sign-out-everywhere', 'Sign out everywhere and disconnect all clients', undefined, 'danger')}</div></section>`
}
