// Servers: the list with live status, and the page of one server.
import { html } from 'ghtml'
import { CatalogueError } from '#proto/contract/errors.ts'
import { mayExecute } from '../../domain/principal.ts'
import { plainText } from '../../domain/text.ts'
import type { Answer, Door, Visit } from '../door.ts'
import { bytes, count, duration, facts, meter, pill, time } from '../format.ts'
import { csrfField } from '../layout.ts'
import { call } from '../own-call.ts'
import type { Alert, ConsoleRooms, Lane, Sample, Server } from '../rooms.ts'
import { prose } from '../visible.ts'
import { actionList } from './action-list.ts'
import { auditList } from './audit-list.ts'
import { realityCard } from './reality-card.ts'

const NAME_SHOWN = 120
const RECENT = 8
const ALERTS = 500

export function registerServers(door: Door, rooms: ConsoleRooms): void {
  door.get('/', (visit) => listPage(visit, rooms))
  door.get('/servers', async () => ({ to: '/' }))
  door.get('/servers/:id', (visit) => serverPage(visit, rooms))
  for (const { path, tool } of MANAGE) door.post(`/servers/:id/${path}`, (visit) => changeServer(visit, rooms, tool))
}

async function listPage({ session }: Visit, { fleet }: ConsoleRooms): Promise<Answer> {
  const [servers, alerts] = await Promise.all([
    fleet.list(session.workspaceId),
    fleet.alerts.list(session.workspaceId, { status: 'active', limit: ALERTS }),
  ])
  const online = servers.filter((server) => server.online).length
  const body = html`<div class="row apart"><div class="stack tight"><h1>Servers</h1>
<p class="muted" id="summary" data-live>${servers.length === 0 ? '' : `${online} of ${servers.length} online`}</p></div>
<span class="row"><a class="button quiet" href="/updates">Updates</a><a class="button quiet" href="/certificates">Certificates</a>!${mayExecute(session.role) ? '<a class="button primary" href="/servers/add">Add a server</a>' : ''}</span></div>
<section class="card flush" id="servers" data-live aria-label="Servers">!${servers.length === 0 ? noServers() : html`<ul class="list">!${servers.map((server) => entry(server, fleet.status(server.id), alertsOf(alerts, server)))}</ul>`}</section>`
  return { page: { title: 'Servers', active: 'servers', body } }
}

const noServers = (): string =>
  html`<div class="empty"><p>No server is connected yet.</p><p>An agent on a server opens one connection to this Central; nothing on the server listens.</p></div>`

const alertsOf = (alerts: readonly Alert[], server: Server): readonly Alert[] =>
  alerts.filter((alert) => alert.server_id === server.id)

function entry(server: Server, sample: Sample | undefined, alerts: readonly Alert[]): string {
  return html`<li><a class="server" href="/servers/${encodeURIComponent(server.id)}">
<span class="stack tight"><span class="row"><span class="title">!${prose(server.name, NAME_SHOWN)}</span>!${status(server)}!${alertPill(alerts)}</span>
<span class="muted small">${readsInShort(server.lanes)}</span></span>
!${server.online && sample ? meters(sample) : ''}</a></li>`
}

const alertPill = (alerts: readonly Alert[]): string =>
  alerts.length > 0 ? pill('bad', count(alerts.length, 'alert')) : ''

function status(server: Server): string {
  if (server.online) return pill('good', 'Online')
  if (server.lastSeenAt === null) return pill('idle', 'Never connected')
  return html`!${pill('idle', 'Offline')}<span class="muted small">last seen !${time(server.lastSeenAt, 'age')}</span>`
}

function meters(sample: Sample): string {
  const used = sample.memoryTotal - sample.memoryAvailable
  return html`<span class="meters">!${meter('CPU', sample.cpuPercent, 100)}!${meter('Memory', used, sample.memoryTotal)}!${fullestDisk(sample)}</span>`
}

function fullestDisk({ disks }: Sample): string {
  const share = (disk: Sample['disks'][number]) => (disk.total > 0 ? 1 - disk.available / disk.total : 0)
  const fullest = disks.toSorted((a, b) => share(b) - share(a))[0]
  return fullest ? meter(`Disk ${fullest.mount}`, fullest.total - fullest.available, fullest.total) : ''
}

const isolationOf = (lanes: readonly Lane[], name: string): Lane['isolation'] | 'absent' =>
  lanes.find((lane) => lane.name === name)?.isolation ?? 'absent'

const READS_SHORT: Record<Lane['isolation'] | 'absent', string> = {
  systemd: 'Reads run in a systemd sandbox',
  bubblewrap: 'Reads run in a bubblewrap sandbox',
  none: 'No sandbox: every command asks for approval',
  absent: 'Runs no commands',
}
const readsInShort = (lanes: readonly Lane[]): string => READS_SHORT[isolationOf(lanes, 'read')]

const READS: Record<Lane['isolation'] | 'absent', string> = {
  systemd: 'Read-only commands run in a systemd sandbox: the kernel keeps them from changing anything.',
  bubblewrap: 'Read-only commands run in a bubblewrap sandbox: the kernel keeps them from changing anything.',
  none: 'No sandbox here, so even a read-only command asks for approval.',
  absent: 'This agent takes no read-only commands.',
}
const CHANGES: Record<Lane['isolation'] | 'absent', string> = {
  systemd: 'In their own systemd unit, after approval.',
  bubblewrap: 'In a bubblewrap sandbox, after approval.',
  none: 'With the rights of the agent and no isolation, after approval.',
  absent: 'This agent takes no commands that change something.',
}

async function serverPage(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  const { session } = visit
  const server = await findServer(visit, rooms)
  const filter = { serverId: server.id, limit: RECENT }
  const [alerts, actions, lines, reality] = await Promise.all([
    rooms.fleet.alerts.list(session.workspaceId, { status: 'active', serverId: server.id, limit: ALERTS }),
    rooms.approvals.list(session.workspaceId, filter),
    rooms.audit.list(session.workspaceId, filter),
    rooms.reality.cached(server.id),
  ])
  const sample = rooms.fleet.status(server.id)
  const body = html`<div class="stack tight"><p class="crumb"><a href="/">Servers</a></p>
<div class="row"><h1>!${prose(server.name, NAME_SHOWN)}</h1><span class="row" id="status" data-live>!${status(server)}</span></div></div>
<div class="columns"><div class="stack"><section class="card" id="measures" data-live aria-label="Measures">!${server.online && sample ? meters(sample) : '<p class="muted">No measures: the agent is not connected.</p>'}</section>
<section class="card flush" id="alerts" data-live><h2>Active alerts</h2>!${alertList(alerts)}</section>
<section class="card flush" id="actions" data-live><h2>Recent actions</h2>!${actionList(actions, 'Nothing has been asked of this server yet.')}</section>
<section class="card flush"><div class="row apart baseline card-head"><h2>Recent audit lines</h2><a href="/audit?server=${encodeURIComponent(server.id)}">All of them</a></div>!${auditList(lines)}</section></div>
<div class="stack"><section class="card" id="details" data-live><h2>About this server</h2>!${details(server, sample)}</section>
<p><a class="button" href="/servers/${encodeURIComponent(server.id)}/installation">Installation</a></p>
!${realityCard(reality)}
!${mayExecute(session.role) ? manage(visit, server) : ''}</div></div>`
  return { page: { title: plainText(server.name), active: 'servers', body } }
}

export async function findServer({ session, params }: Visit, { fleet }: ConsoleRooms): Promise<Server> {
  const server = await fleet.get(session.workspaceId, params.id ?? '')
  if (!server) throw new CatalogueError('SERVER_NOT_FOUND')
  return server
}

function details(server: Server, sample: Sample | undefined): string {
  const live = server.online ? sample : undefined
  return facts([
    ['Reads', READS[isolationOf(server.lanes, 'read')]],
    ['Changes', CHANGES[isolationOf(server.lanes, 'act')]],
    ['Load', live && html`${live.load1.toFixed(2)} on ${count(live.cpus, 'core')}`],
    ['Memory', live && html`${bytes(live.memoryAvailable)} of ${bytes(live.memoryTotal)} available`],
    ['Up for', live && duration(live.uptimeS * 1000)],
    ['Docker', server.docker ? 'Found' : 'Not found'],
    ['Agent', server.agentVersion === null ? undefined : prose(server.agentVersion, 40)],
    ['Added', time(server.createdAt)],
    ['Server id', html`<code>${server.id}</code>`],
  ])
}

function alertList(alerts: readonly Alert[]): string {
  if (alerts.length === 0) return '<p class="inset muted">None.</p>'
  return html`<ul class="list">!${alerts.map(
    (alert) =>
      html`<li><div class="entry"><span class="row">!${pill(alert.severity === 'critical' ? 'bad' : 'warn', alert.severity)}<span class="title">!${prose(alert.message, 400)}</span></span><span class="muted small">since !${time(alert.raised_at, 'age')}</span></div></li>`,
  )}</ul>`
}

const MANAGE = [
  {
    path: 'recover',
    tool: 'mttrly_bootstrap_recover',
    title: 'Recovery command',
    text: 'Mends an agent that is dead, or whose lanes are, on its host. The host stays who it is where that works; the current certificate holds until the token is used.',
    button: 'Ask for a recovery command',
    tone: '',
    whileOnline: true,
  },
  {
    path: 'regenerate',
    tool: 'mttrly_regenerate_install_token',
    title: 'New install command',
    text: 'Connects a host again as this server, after a reinstallation or a lost certificate. The current certificate is revoked.',
    button: 'Ask for a new command',
    tone: '',
    whileOnline: false,
  },
  {
    path: 'decommission',
    tool: 'mttrly_decommission_server',
    title: 'Decommission',
    text: 'Revokes the certificate and takes the server off the list. Actions and audit lines stay; the host is not touched.',
    button: 'Ask to decommission',
    tone: 'danger',
    whileOnline: false,
  },
] as const

function manage({ session }: Visit, server: Server): string {
  const path = `/servers/${encodeURIComponent(server.id)}`
  return html`<section class="card stack" id="manage" data-live><h2>Manage</h2>
!${MANAGE.map(
    (item) =>
      html`<form class="manage" method="post" action="${path}/${item.path}">!${csrfField(session)}<div><h3>${item.title}</h3><p class="muted">${item.text}</p></div><button class="button ${item.tone}" !${server.online && !item.whileOnline ? 'disabled' : ''}>${item.button}</button></form>`,
  )}
<p class="hint">${server.online ? 'The last two are possible once the server is offline. A repair mends or removes a connected agent: look at its installation.' : 'Each becomes an action: nothing happens before a person has approved with a second factor.'}</p></section>`
}

/** The same path as a call from any other client; what needs approval becomes an action to decide. */
export async function changeServer(
  visit: Visit,
  rooms: ConsoleRooms,
  tool: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Answer> {
  const server = await findServer(visit, rooms)
  const value = await call(visit, rooms, tool, { server_id: server.id, ...more })
  const actionId = value.action_id
  return {
    to:
      typeof actionId === 'string'
        ? `/approvals/${encodeURIComponent(actionId)}`
        : `/servers/${encodeURIComponent(server.id)}`,
  }
}
