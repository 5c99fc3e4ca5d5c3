// Settings of the workspace, for owners: policy, members' roles; the plan is shown. What is changed here needs a second
// factor and is written down before it holds.
import { html } from 'ghtml'
import { CatalogueError } from '#proto/contract/errors.ts'
import { Policy } from '../../domain/policy.ts'
import { ROLES, type Role } from '../../domain/principal.ts'
import type { Factors } from '../../identity/proof.ts'
import type { Workspace } from '../../plans/plans.ts'
import type { Answer, Door, Visit } from '../door.ts'
import { count, facts, notice } from '../format.ts'
import { csrfField } from '../layout.ts'
import { mustBeOwner, refusalOf, writeDown } from '../owner.ts'
import { challengeFor, hasFactor, needsFactor, proofFields, proofIn } from '../proof.ts'
import type { ConsoleRooms, Member } from '../rooms.ts'
import { invitationsCard, type MemberEntry, membersCard } from './member-cards.ts'

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

type Told = { status?: number; said?: string; atProof?: string | undefined }

async function settingsPage(visit: Visit, rooms: ConsoleRooms, { status, said = '', atProof }: Told): Promise<Answer> {
  mustBeOwner(visit)
  const { session } = visit
  const [workspace, members, invitations, factors] = await Promise.all([
    rooms.plans.get(session.workspaceId),
    membersOf(session.workspaceId, rooms),
    rooms.identity.invitations.open(session.workspaceId),
    rooms.identity.factorsOf(session.userId),
  ])
  const body = html`<div class="stack narrow"><h1>Settings</h1>!${said}
<form class="stack" method="post" action="/settings">!${csrfField(session)}
!${policyCard(workspace.policy)}!${membersCard(members, session.userId)}!${saveCard(factors, atProof)}</form>
!${invitationsCard(invitations, session)}!${planCard(workspace)}</div>`
  return {
    ...(status && { status }),
    page: { title: 'Settings', active: 'settings', body, scripts: ['simplewebauthn.js', 'passkey-proof.js'] },
  }
}

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
    const refusal = refusalOf(error)
    if ('atProof' in refusal) return settingsPage(visit, rooms, { status: 422, ...refusal })
    return settingsPage(visit, rooms, { status: 422, said: notice('bad', html`<p>${refusal.why}</p>`) })
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
    (member) =>
      member.disabledAt === null && (changed.find((one) => one.member === member)?.role ?? member.role) === 'owner',
  )
  if (owners.length === 0) throw new CatalogueError('VALIDATION_ERROR', { why: 'A workspace needs an owner.' })
  return changed
}

async function savePolicy(visit: Visit, rooms: ConsoleRooms, policy: Policy): Promise<void> {
  const { workspaceId } = visit.session
  const { policy: before } = await rooms.plans.get(workspaceId)
  if (JSON.stringify(before) === JSON.stringify(policy)) return
  await writeDown(visit, rooms, { event: 'policy.changed', resource: 'policy', details: { before, after: policy } })
  await rooms.plans.setPolicy(workspaceId, policy)
}

async function saveRole(
  visit: Visit,
  rooms: ConsoleRooms,
  { userId, role: before }: Member,
  role: Role,
): Promise<void> {
  const details = { user_id: userId, before, after: role }
  await writeDown(visit, rooms, { event: 'account.changed', resource: 'role', details })
  const { workspaceId } = visit.session
  const done = await rooms.members.set({ workspaceId, userId, role, now: rooms.clock.now() })
  if (done === 'last_owner') throw new CatalogueError('VALIDATION_ERROR', { why: 'A workspace needs an owner.' })
}
