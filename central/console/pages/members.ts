// Who belongs to the workspace: an owner invites a person, withdraws an invitation, disables a member and enables them
// again. What gives or takes power needs a second factor; withdrawing needs none.
import { html } from 'ghtml'
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Factors } from '../../identity/identity.ts'
import { INVITED_ROLES } from '../../identity/invitations.ts'
import type { Answer, Door, Visit } from '../door.ts'
import { notice, time } from '../format.ts'
import { csrfField } from '../layout.ts'
import { mustBeOwner, refusalOf, writeDown } from '../owner.ts'
import { challengeFor, hasFactor, needsFactor, proofFields, proofIn } from '../proof.ts'
import type { ConsoleRooms, Member } from '../rooms.ts'
import { prose } from '../visible.ts'

const INVITE = 'invite a member'
const SCRIPTS = ['simplewebauthn.js', 'passkey-proof.js']

export function registerMembers(door: Door, rooms: ConsoleRooms): void {
  door.get('/settings/invite', (visit) => invitePage(visit, rooms))
  door.post('/settings/invite', (visit) => invite(visit, rooms))
  door.post('/settings/invite/challenge', async (visit) => {
    mustBeOwner(visit)
    return challengeFor(visit, rooms, INVITE)
  })
  door.post('/settings/invitations/withdraw', (visit) => withdraw(visit, rooms))
  door.get('/settings/members/:id', (visit) => memberPage(visit, rooms))
  door.post('/settings/members/:id', (visit) => switchMember(visit, rooms))
  door.post('/settings/members/:id/challenge', async (visit) => {
    const member = await memberOf(visit, rooms)
    return challengeFor(visit, rooms, purposeOf(member))
  })
}

type Told = { atProof?: string; why?: string }

const page = (title: string, body: string, { atProof, why }: Told): Answer => ({
  status: atProof || why ? 422 : 200,
  page: {
    title,
    active: 'settings',
    scripts: SCRIPTS,
    body: html`<div class="stack narrow"><div class="stack tight"><p class="crumb"><a href="/settings">Settings</a></p><h1>${title}</h1></div>!${why ? notice('bad', html`<p>${why}</p>`) : ''}!${body}</div>`,
  },
})

async function invitePage(visit: Visit, { identity }: ConsoleRooms, told: Told = {}): Promise<Answer> {
  mustBeOwner(visit)
  const factors = await identity.factorsOf(visit.session.userId)
  return page('Invite a person', hasFactor(factors) ? inviteForm(visit, factors, told) : needsFactor(INVITE), told)
}

function inviteForm({ session, form }: Visit, factors: Factors, { atProof }: Told): string {
  const chosen = form.role ?? 'operator'
  return html`<form class="card stack stretch" method="post" action="/settings/invite">!${csrfField(session)}
<div class="field"><label for="email">E-mail address</label><input id="email" name="email" type="email" autocomplete="off" maxlength="254" value="${form.email ?? ''}" required></div>
<div class="field"><label for="role">Role</label><select id="role" name="role" aria-describedby="role-hint">!${INVITED_ROLES.map((role) => html`<option value="${role}" !${role === chosen ? 'selected' : ''}>${role}</option>`)}</select><p class="hint" id="role-hint">Viewers look. Operators also ask for changes. Approvers also decide. Who is to be an owner joins first; then change the role.</p></div>
!${proofFields(factors, { submit: 'Make the link', challengeUrl: '/settings/invite/challenge', error: atProof })}
<p class="hint">You get a link to pass on. Central sends no e-mail.</p></form>`
}

async function invite(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  mustBeOwner(visit)
  const { identity } = rooms
  const { session, form } = visit
  const wish = { email: (form.email ?? '').trim(), role: form.role ?? '' }
  try {
    const problem = await identity.invitations.problemWith(wish)
    if (problem) throw new CatalogueError('VALIDATION_ERROR', { why: problem.why })
    await proofIn(visit, rooms, INVITE)
    await writeDown(visit, rooms, { event: 'account.changed', resource: 'invitations', details: wish })
    const made = await identity.invitations.invite({
      ...wish,
      workspaceId: session.workspaceId,
      invitedBy: session.userId,
    })
    if ('refused' in made) throw new CatalogueError('VALIDATION_ERROR', { why: made.why })
    return linkPage(made)
  } catch (error) {
    return invitePage(visit, rooms, refusalOf(error))
  }
}

const linkPage = ({ link, email, role, expiresAt }: { link: string; email: string; role: string; expiresAt: number }) =>
  page(
    'Pass this link on',
    html`!${notice('warn', '<p><strong>This is shown once.</strong> Whoever has it can join in their place, so send it where only they can read it.</p>')}
<section class="card stack"><p>For !${prose(email, 200)}, as ${role}. It works once, until !${time(expiresAt)}.</p>
<div class="copy"><pre class="code secret" id="link" tabindex="0" aria-label="Invitation link">${link}</pre><button class="button needs-script" type="button" data-copy="link">Copy</button></div></section>
<p><a class="button primary" href="/settings#invitations">I have passed it on</a></p>`,
    {},
  )

async function withdraw(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  mustBeOwner(visit)
  const id = (visit.form.id ?? '').slice(0, 100)
  const details = { invitation_id: id }
  await writeDown(visit, rooms, { event: 'account.changed', resource: 'invitations/withdraw', details })
  const done = await rooms.identity.invitations.withdraw(visit.session.workspaceId, id)
  if (!done) throw new CatalogueError('NOT_FOUND', { why: 'This invitation has been used or withdrawn already.' })
  return { to: '/settings?saved' }
}

const purposeOf = ({ userId, disabledAt }: Member): string => `${disabledAt === null ? 'disable' : 'enable'} ${userId}`

/** The member that a page is about: of this workspace, and somebody else. */
async function memberOf(visit: Visit, { members }: ConsoleRooms): Promise<Member> {
  mustBeOwner(visit)
  const { session, params } = visit
  const found = (await members.list(session.workspaceId)).find(({ userId }) => userId === params.id)
  if (!found) throw new CatalogueError('NOT_FOUND', { why: 'There is no such member.' })
  if (found.userId === session.userId)
    throw new CatalogueError('FORBIDDEN', { why: 'Nobody disables themselves; another owner can.' })
  return found
}

async function memberPage(visit: Visit, rooms: ConsoleRooms, told: Told = {}): Promise<Answer> {
  const member = await memberOf(visit, rooms)
  const factors = await rooms.identity.factorsOf(visit.session.userId)
  const enabled = member.disabledAt === null
  const submit = enabled ? 'Disable' : 'Enable'
  const path = `/settings/members/${encodeURIComponent(member.userId)}`
  const words = enabled
    ? 'Their sessions end at once, their clients are disconnected and their API keys revoked. They cannot sign in until an owner enables them again.'
    : 'They can sign in again with their password and second factor. Clients and API keys have to be connected and made anew.'
  const form = html`<form class="card stack stretch" method="post" action="${path}">!${csrfField(visit.session)}<input type="hidden" name="to" value="${enabled ? 'disabled' : 'enabled'}"><p><strong>!${prose(member.email, 200)}</strong>, ${member.role}</p><p>${words}</p>
!${proofFields(factors, { submit, challengeUrl: `${path}/challenge`, error: told.atProof })}</form>`
  return page(`${submit} a member`, hasFactor(factors) ? form : needsFactor('disable or enable a member'), told)
}

async function switchMember(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  const member = await memberOf(visit, rooms)
  const disable = member.disabledAt === null
  // Somebody else was faster: what the page offered is done.
  if (visit.form.to !== (disable ? 'disabled' : 'enabled')) return { to: '/settings?saved' }
  try {
    await proofIn(visit, rooms, purposeOf(member))
    const details = { user_id: member.userId }
    await writeDown(visit, rooms, { event: 'account.changed', resource: disable ? 'disabled' : 'enabled', details })
    await setDisabled(member.userId, disable, rooms)
    return { to: '/settings?saved' }
  } catch (error) {
    return memberPage(visit, rooms, refusalOf(error))
  }
}

/** What was connected or made before does not come back when the person does. */
async function setDisabled(userId: string, disable: boolean, { identity, oauth }: ConsoleRooms): Promise<void> {
  if (!(await identity.accounts.setDisabled(userId, disable)))
    throw new CatalogueError('VALIDATION_ERROR', { why: 'A workspace needs an owner.' })
  if (!disable) return
  await oauth.grants.revokeAll(userId)
  await identity.apiKeys.revokeAll(userId)
}
