// Members and invitations as the settings show them. Pure: views in, HTML out.
import { html } from 'ghtml'
import { ROLES } from '../../domain/principal.ts'
import type { Factors, Invitation } from '../../identity/identity.ts'
import { pill, time } from '../format.ts'
import { csrfField } from '../layout.ts'
import type { Member, Session } from '../rooms.ts'
import { prose } from '../visible.ts'

export type MemberEntry = Member & { factors: Factors }

/** Stands in the form of the settings. */
export function membersCard(members: readonly MemberEntry[], own: string): string {
  return html`<section class="card flush" id="members"><h2>Members</h2><ul class="list">!${members.map((member) => entry(member, own))}</ul><p class="inset hint">Viewers look. Operators also ask for changes. Approvers also decide. Owners also change these settings.</p><p class="inset"><a class="button" href="/settings/invite">Invite a person</a></p></section>`
}

function entry({ userId, email, role, disabledAt, factors }: MemberEntry, own: string): string {
  const disable = html` · <a href="/settings/members/${encodeURIComponent(userId)}">${disabledAt === null ? 'Disable' : 'Enable'}</a>`
  const words = disabledAt === null ? html`${factorWords(factors)}` : pill('bad', 'Disabled')
  return html`<li><div class="entry member"><span class="stack tight"><label class="title" for="role-${userId}">!${prose(email, 200)}${userId === own ? ' (you)' : ''}</label><span class="muted small">!${words}!${userId === own ? '' : disable}</span></span><select id="role-${userId}" name="role:${userId}">!${ROLES.map((known) => html`<option value="${known}" !${known === role ? 'selected' : ''}>${known}</option>`)}</select></div></li>`
}

function factorWords({ totp, passkeys }: Factors): string {
  const held = [totp ? 'authenticator app' : '', passkeys ? 'passkey' : ''].filter(Boolean)
  return held.length > 0 ? held.join(', ') : 'no second factor: cannot approve'
}

export function invitationsCard(invitations: readonly Invitation[], session: Session): string {
  if (invitations.length === 0) return ''
  return html`<section class="card flush" id="invitations"><h2>Invitations</h2><ul class="list">!${invitations.map(
    ({ id, email, role, invitedBy, expiresAt }) =>
      html`<li><div class="entry row"><span class="stack tight"><span class="title">!${prose(email, 200)}</span><span class="muted small">as ${role} · by !${invitedBy ? prose(invitedBy.email, 80) : 'the command line'} · until !${time(expiresAt)}</span></span><form method="post" action="/settings/invitations/withdraw">!${csrfField(session)}<input type="hidden" name="id" value="${id}"><button class="button quiet small">Withdraw</button></form></div></li>`,
  )}</ul></section>`
}
