// Settings of the workspace, for owners: policy, members' roles; the plan is shown. What is changed here needs a second
// factor and is written down before it holds.
import { html } from 'ghtml'
import { CatalogueError } from '#proto/contract/errors.ts'
import { actorOf } from '../../approvals/approvals.ts'
import type { AuditEventName } from '../../domain/audit.ts'
import { createId } from '../../domain/ids.ts'
import { Policy } from '../../domain/policy.ts'
import { ROLES, type Role } from '../../domain/principal.ts'
import type { Factors } from '../../identity/proof.ts'
import type { Workspace } from '../../plans/plans.ts'
import { type Answer, type Door, principalOf, type Visit } from '../door.ts'
import { count, facts, notice } from '../format.ts'
import { csrfField } from '../layout.ts'
import { challengeFor, hasFactor, needsFactor, proofFields, proofIn, REFUSED } from '../proof.ts'
import type { ConsoleRooms, Member } from '../rooms.ts'
import { prose } from '../visible.ts'

const PURPOSE = 'settings'

export function registerSettings(door: Door, rooms: ConsoleRooms): void {
  door.get('/settings', (visit) =>
    settingsPage(visit, rooms, visit.query.saved === undefined ? {} : { said: notice('good', '<p>Saved.</p>') }),
  )
  door.post('/settings', (visit) => save(visit, rooms))
  door.post('/settings/challenge', async (visit) => {
    mustBeOwner(visit)
    return challengeFor(visit, rooms, PURPOSE)
  })
}

function mustBeOwner({ session }: Visit): void {
  if (session.role !== 'owner')
    throw new CatalogueError('FORBIDDEN', { why: 'Only an owner sees and changes the settings.' })
}

type Told = { status?: number; said?: string; atProof?: string | undefined }

async function settingsPage(visit: Visit, rooms: ConsoleRooms, { status, said = '', atProof }: Told): Promise<Answer> {
  mustBeOwner(visit)
  const { session } = visit
  const [workspace, members, factors] = await Promise.all([
    rooms.plans.get(session.workspaceId),
    membersOf(session.workspaceId, rooms),
    rooms.identity.factorsOf(session.userId),
  ])
  const body = html`<div class="stack narrow"><h1>Settings</h1>!${said}
<form class="stack" method="post" action="/settings">!${csrfField(session)}
!${policyCard(workspace.policy)}!${membersCard(members, session.userId)}!${saveCard(factors, atProof)}</form>
!${planCard(workspace)}</div>`
  return {
    ...(status && { status }),
    page: { title: 'Settings', active: 'settings', body, scripts: ['simplewebauthn.js', 'passkey-proof.js'] },
  }
}

type MemberEntry = Member & { factors: Factors }

async function membersOf(workspaceId: string, { members, identity }: ConsoleRooms): Promise<MemberEntry[]> {
  const list = await members.list(workspaceId)
  return Promise.all(list.map(async (member) => ({ ...member, factors: await identity.factorsOf(member.userId) })))
}

function check(name: string, label: string, hint: string, on: boolean): string {
  return html`<div class="check"><input type="checkbox" id="${name}" name="${name}" value="on" aria-describedby="${name}-hint" !${on ? 'checked' : ''}><label for="${name}">${label}</label><p class="hint" id="${name}-hint">${hint}</p></div>`
}

function policyCard(policy: Policy): string {
  return html`<section class="card stack"><h2>Policy</h2>
!${check('read_only', 'Read only', 'Refuse every change on every server of this workspace.', policy.read_only)}
!${check('two_person', 'Two persons', 'Somebody else than the one who asked must approve. With a single approver, nothing can be approved.', policy.two_person)}
<div class="field"><label for="denied_programs">Denied programs</label><textarea id="denied_programs" name="denied_programs" rows="4" class="mono" spellcheck="false" autocapitalize="off" aria-describedby="denied-hint">${policy.denied_programs.join('\n')}</textarea><p class="hint" id="denied-hint">One name a line. A command in which one of them appears is refused, with or without approval.</p></div></section>`
}

function membersCard(members: readonly MemberEntry[], own: string): string {
  return html`<section class="card flush"><h2>Members</h2><ul class="list">!${members.map(
    (member) =>
      html`<li><div class="entry member"><span class="stack tight"><label class="title" for="role-${member.userId}">!${prose(member.email, 200)}${member.userId === own ? ' (you)' : ''}</label><span class="muted small">${factorWords(member.factors)}</span></span><select id="role-${member.userId}" name="role:${member.userId}">!${ROLES.map((role) => html`<option value="${role}" !${role === member.role ? 'selected' : ''}>${role}</option>`)}</select></div></li>`,
  )}</ul><p class="inset hint">Viewers look. Operators also ask for changes. Approvers also decide. Owners also change these settings.</p></section>`
}

function factorWords({ totp, passkeys }: Factors): string {
  const held = [totp ? 'authenticator app' : '', passkeys ? 'passkey' : ''].filter(Boolean)
  return held.length > 0 ? held.join(', ') : 'no second factor: cannot approve'
}

function saveCard(factors: Factors, refusal: string | undefined): string {
  if (!hasFactor(factors)) return needsFactor('change settings')
  return html`<section class="card stack stretch"><h2>Save</h2>!${proofFields(factors, { submit: 'Save', challengeUrl: '/settings/challenge', error: refusal })}</section>`
}

function planCard({ name, plan, limits }: Workspace): string {
  const limit = (value: number | null) => (value === null ? 'No limit' : String(value))
  return html`<section class="card"><h2>Plan</h2>!${facts([
    ['Workspace', html`${name}`],
    ['Plan', html`<code>${plan}</code>`],
    ['Servers', limit(limits.servers)],
    ['Log lines at once', limit(limits.log_lines)],
    ['Alerts and logs kept', count(limits.log_retention_days, 'day')],
    ['Scheduled checks', limit(limits.scheduled_checks)],
  ])}<p class="hint below">Set by the administrator of this Central on its command line.</p></section>`
}

async function save(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  mustBeOwner(visit)
  try {
    const policy = policyIn(visit.form)
    const roles = changedRoles(visit.form, await rooms.members.list(visit.session.workspaceId))
    await proofIn(visit, rooms, PURPOSE)
    await savePolicy(visit, rooms, policy)
    for (const { member, role } of roles) await saveRole(visit, rooms, member, role)
    return { to: '/settings?saved' }
  } catch (error) {
    if (!(error instanceof CatalogueError)) throw error
    const atProof = REFUSED[error.code]
    if (atProof) return settingsPage(visit, rooms, { status: 422, atProof })
    const why = typeof error.details.why === 'string' ? error.details.why : error.message
    return settingsPage(visit, rooms, { status: 422, said: notice('bad', html`<p>${why}</p>`) })
  }
}

function policyIn(form: Visit['form']): Policy {
  const parsed = Policy.safeParse({
    read_only: form.read_only === 'on',
    two_person: form.two_person === 'on',
    denied_programs: [...new Set((form.denied_programs ?? '').split(/\s+/).filter(Boolean))],
  })
  if (!parsed.success)
    throw new CatalogueError('VALIDATION_ERROR', { why: 'At most 200 programs of at most 100 characters each.' })
  return parsed.data
}

type ChangedRole = { member: Member; role: Role }

function changedRoles(form: Visit['form'], members: readonly Member[]): ChangedRole[] {
  const changed = members.flatMap((member): ChangedRole[] => {
    const role = ROLES.find((known) => known === form[`role:${member.userId}`])
    return role && role !== member.role ? [{ member, role }] : []
  })
  const owners = members.filter(
    (member) => (changed.find((one) => one.member === member)?.role ?? member.role) === 'owner',
  )
  if (owners.length === 0) throw new CatalogueError('VALIDATION_ERROR', { why: 'A workspace needs an owner.' })
  return changed
}

async function savePolicy(visit: Visit, rooms: ConsoleRooms, policy: Policy): Promise<void> {
  const { workspaceId } = visit.session
  const { policy: before } = await rooms.plans.get(workspaceId)
  if (JSON.stringify(before) === JSON.stringify(policy)) return
  await writeDown(visit, rooms, 'policy.changed', 'policy', { before, after: policy })
  await rooms.plans.setPolicy(workspaceId, policy)
}

async function saveRole(
  visit: Visit,
  rooms: ConsoleRooms,
  { userId, role: before }: Member,
  role: Role,
): Promise<void> {
  await writeDown(visit, rooms, 'account.changed', 'role', { user_id: userId, before, after: role })
  const { workspaceId } = visit.session
  const done = await rooms.members.set({ workspaceId, userId, role, now: rooms.clock.now() })
  if (done === 'last_owner') throw new CatalogueError('VALIDATION_ERROR', { why: 'A workspace needs an owner.' })
}

function writeDown(
  { session }: Visit,
  { audit }: ConsoleRooms,
  event: AuditEventName,
  resource: string,
  details: object,
): Promise<void> {
  return audit.append({
    event,
    workspace_id: session.workspaceId,
    call_id: createId('request'),
    actor: actorOf(principalOf(session)),
    resource,
    details: { ...details },
  })
}
