// The installation of one server: looked at when a person asks, with what mends it; and the page of updates. Every button
// calls the tool that any other client would call.
import { html } from 'ghtml'
import { STRATEGIES } from '#proto/contract/installation.ts'
import { mayExecute } from '../../domain/principal.ts'
import type { Answer, Door, Visit } from '../door.ts'
import { count, facts, notice, pill, type Tone } from '../format.ts'
import { csrfField } from '../layout.ts'
import { call } from '../own-call.ts'
import type { ConsoleRooms, Server } from '../rooms.ts'
import { prose } from '../visible.ts'
import { changeServer, findServer } from './servers.ts'

const REASON = 'Asked for in the console.'

export function registerInstallation(door: Door, rooms: ConsoleRooms): void {
  door.get('/servers/:id/installation', async (visit) => healthPage(visit, await findServer(visit, rooms)))
  door.post('/servers/:id/installation', (visit) => look(visit, rooms))
  door.post('/servers/:id/repair', (visit) => changeServer(visit, rooms, 'mttrly_repair_install', repairIn(visit.form)))
  door.post('/servers/:id/update', (visit) => changeServer(visit, rooms, 'mttrly_update_agent', { reason: REASON }))
  door.get('/updates', (visit) => updatesPage(visit, rooms))
  door.post('/updates', (visit) => rollOut(visit, rooms))
}

const checked = (form: Visit['form'], prefix: string): string[] =>
  Object.keys(form).flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))

function repairIn(form: Visit['form']) {
  const strategy = form.strategy ?? ''
  const issues = strategy === 'issue_driven' ? checked(form, 'issue:') : []
  return { strategy, issues, reason: REASON }
}

type Drift = { code: string; severity: string; says: string; target: string; was: string; should: string } & {
  mended_by?: string
  advice?: string
}
type Health = {
  health: 'healthy' | 'drifted' | 'unknown'
  why_unknown?: string
  version: string | null
  served_version: string | null
  pinned_version?: string
  certificate_expires_at: string | null
  drifts: readonly Drift[]
  drifts_total: number
  next_step: string
}

async function look(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  const server = await findServer(visit, rooms)
  // The tool's own output schema has been applied to it on the way.
  const health = (await call(visit, rooms, 'mttrly_get_install_health', { server_id: server.id })) as unknown as Health
  return healthPage(visit, server, health)
}

function healthPage(visit: Visit, server: Server, health?: Health): Answer {
  const path = `/servers/${encodeURIComponent(server.id)}`
  const body = html`<div class="stack narrow"><div class="stack tight"><p class="crumb"><a href="${path}">!${prose(server.name, 120)}</a></p><h1>Installation</h1></div>
<section class="card stack"><p>The host compares itself with the signed manifest of its release.</p><form method="post" action="${path}/installation">!${csrfField(visit.session)}<button class="button primary">${health ? 'Look again' : 'Look now'}</button></form></section>
!${health ? found(health) : ''}!${health && mayExecute(visit.session.role) ? mend(visit, server, health) : ''}</div>`
  return { page: { title: 'Installation', active: 'servers', body } }
}

const VERDICTS: Record<Health['health'], [Tone, string]> = {
  healthy: ['good', 'As its release says'],
  drifted: ['warn', 'Differs from its release'],
  unknown: ['idle', 'Could not be looked at'],
}

function found(health: Health): string {
  const { version, served_version, pinned_version, certificate_expires_at, drifts, drifts_total, why_unknown } = health
  const shown = (text: string | null | undefined) => (text ? prose(text, 400) : undefined)
  return html`<section class="card stack"><div class="row">!${pill(...VERDICTS[health.health])}</div>!${why_unknown ? notice('warn', html`<p>!${prose(why_unknown)}</p>`) : ''}
!${facts([
    ['Version', shown(version)],
    ['Served', shown(served_version)],
    ['Pinned by its owner', shown(pinned_version)],
    ['Certificate until', shown(certificate_expires_at)],
    ['Next', shown(health.next_step)],
  ])}</section>
!${drifts.length === 0 ? '' : html`<section class="card flush"><h2>${count(drifts_total, 'difference')}</h2><ul class="list">!${drifts.map(difference)}</ul></section>`}`
}

const difference = ({ code, severity, says, target, was, should, mended_by, advice }: Drift): string =>
  html`<li><div class="entry stack tight"><span class="row">!${pill(severity === 'broken' ? 'bad' : 'warn', severity)}<code>${code}</code></span><span>!${prose(says)}</span><span class="mono small">!${prose(target, 400)}: !${prose(was, 400)} → !${prose(should, 400)}</span><span class="muted small">${mended_by ? `A repair mends it (${mended_by}).` : (advice ?? '')}</span></div></li>`

const REPAIRS: Record<(typeof STRATEGIES)[number], string> = {
  issue_driven: 'Only what is ticked below',
  full_convergence: 'All that can be mended',
  lane_reprovision: 'The units of the lanes',
  uninstall: 'Uninstall: take the agent away',
}

function mend({ session }: Visit, server: Server, { drifts, served_version, version }: Health): string {
  const path = `/servers/${encodeURIComponent(server.id)}`
  const codes = [...new Set(drifts.filter(({ mended_by }) => mended_by).map(({ code }) => code))]
  const off = server.online ? '' : 'disabled'
  return html`<form class="card stack" method="post" action="${path}/repair">!${csrfField(session)}<h2>Repair</h2>
<div class="field"><label for="strategy">What</label><select id="strategy" name="strategy">!${STRATEGIES.toReversed().map((strategy) => html`<option value="${strategy}" !${strategy === 'full_convergence' ? 'selected' : ''}>${REPAIRS[strategy]}</option>`)}</select></div>
!${codes.map((code) => html`<div class="check"><input type="checkbox" id="issue-${code}" name="issue:${code}" value="on"><label for="issue-${code}">${code}</label></div>`)}
<button class="button" !${off}>Ask for the repair</button><p class="hint">The plan is shown before anybody approves it.</p></form>
!${served_version === null || served_version === version ? '' : html`<form class="card stack" method="post" action="${path}/update">!${csrfField(session)}<h2>Update</h2><p>Central serves ${served_version}.</p><button class="button" !${off}>Ask for the update</button></form>`}`
}

async function updatesPage({ session }: Visit, { fleet, releases }: ConsoleRooms): Promise<Answer> {
  const release = releases.current()
  const served = 'manifest' in release ? release.manifest.version : undefined
  const servers = await fleet.list(session.workspaceId)
  const versions = [...Map.groupBy(servers, ({ agentVersion }) => agentVersion ?? 'never connected')]
  const behind = servers.filter(({ agentVersion }) => agentVersion !== null && agentVersion !== served)
  const body = html`<div class="stack narrow"><h1>Updates</h1>
<section class="card stack"><p>${served === undefined ? 'This Central serves no release that is valid now.' : `Central serves ${served}.`}</p>!${facts(versions.map(([version, of]) => [version, html`${count(of.length, 'server')}!${version === served ? ' <span class="muted">(current)</span>' : ''}`]))}</section>
!${served === undefined || behind.length === 0 || !mayExecute(session.role) ? '' : rolloutForm(session, behind)}</div>`
  return { page: { title: 'Updates', active: 'servers', body } }
}

const number = (name: string, label: string, value: number): string =>
  html`<div class="field"><label for="${name}">${label}</label><input type="number" id="${name}" name="${name}" min="1" max="100" value="${value}" required></div>`

function rolloutForm(session: Visit['session'], behind: readonly Server[]): string {
  const online = behind.filter((server) => server.online)
  if (online.length === 0) return notice('warn', '<p>None of the servers that could be updated is online.</p>')
  const option = (server: Server) => html`<option value="${server.id}">!${prose(server.name, 80)}</option>`
  return html`<form class="card stack" method="post" action="/updates">!${csrfField(session)}<h2>Roll out</h2>
<div class="field"><label for="canary">First, alone</label><select id="canary" name="canary">!${online.map(option)}</select></div>
<p>Then, when it has succeeded:</p>!${behind.map((server) => html`<div class="check"><input type="checkbox" id="then-${server.id}" name="then:${server.id}" value="on" checked><label for="then-${server.id}">!${prose(server.name, 80)} ${server.online ? '' : '(offline)'}</label></div>`)}
!${number('share', 'Percent in one wave', 25)}!${number('max_in_flight', 'At once, at most', 4)}
<button class="button primary">Ask for the rollout</button><p class="hint">One approval for all of them. The first that fails halts it.</p></form>`
}

async function rollOut(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  const { form } = visit
  const server_id = form.canary ?? ''
  const server_ids = checked(form, 'then:').filter((id) => id !== server_id)
  const rollout = { server_ids, share: Number(form.share), max_in_flight: Number(form.max_in_flight) }
  const asked = { server_id, reason: REASON, ...(server_ids.length > 0 && { rollout }) }
  const { action_id } = await call(visit, rooms, 'mttrly_update_agent', asked)
  return { to: typeof action_id === 'string' ? `/approvals/${encodeURIComponent(action_id)}` : '/updates' }
}
