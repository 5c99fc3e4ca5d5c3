// Adding a server: a single-use token, the one command that uses it, and a page that waits until the server is there.
import { html } from 'ghtml'
import { CatalogueError } from '#proto/contract/errors.ts'
import { mayExecute } from '../../domain/principal.ts'
import type { Answer, Door, Visit } from '../door.ts'
import { countdown, notice, pill } from '../format.ts'
import { csrfField } from '../layout.ts'
import type { ConsoleRooms, InstallToken, Server } from '../rooms.ts'
import { prose } from '../visible.ts'

export function registerAddServer(door: Door, rooms: ConsoleRooms): void {
  door.get('/servers/add', async (visit) => addPage(visit))
  door.post('/servers/add', (visit) => createToken(visit, rooms))
  door.get('/servers/add/waiting', (visit) => waitingPage(visit, rooms))
}

function mustBeAllowed({ session }: Visit): void {
  if (mayExecute(session.role)) return
  throw new CatalogueError('FORBIDDEN', { why: `The role "${session.role}" may look, not add servers.` })
}

const HEAD = html`<div class="stack tight"><p class="crumb"><a href="/">Servers</a></p><h1>Add a server</h1></div>`

function addPage(visit: Visit): Answer {
  mustBeAllowed(visit)
  const body = html`<div class="stack narrow">!${HEAD}
<div class="card stack"><p>The server runs an agent that opens one encrypted connection to this Central. It listens on no port, and changes nothing that nobody has approved.</p>
<ol class="steps"><li>Create a command here. It holds a token that works once, within one hour.</li><li>Run it on the server, as root.</li><li>This page shows the server as soon as it is connected.</li></ol>
<form method="post" action="/servers/add" class="stretch">!${csrfField(visit.session)}<button class="button primary">Create the command</button></form></div></div>`
  return { page: { title: 'Add a server', active: 'servers', body } }
}

async function createToken(visit: Visit, { fleet, clock, publicUrl }: ConsoleRooms): Promise<Answer> {
  mustBeAllowed(visit)
  const { session } = visit
  const since = clock.now()
  const token = await fleet.createInstallToken({ workspaceId: session.workspaceId, createdBy: session.userId })
  const body = html`<div class="stack narrow">!${HEAD}!${commandCard(token, publicUrl)}
<section class="card" id="waiting" data-live data-live-from="/servers/add/waiting?since=${since}" data-live-fast aria-live="polite">!${waiting(undefined, since)}</section></div>`
  return { page: { title: 'Add a server', active: 'servers', body } }
}

const WHERE = {
  release: html`As root; from another account, write <code>sudo bash</code> for <code>bash</code>.`,
  checkout: html`In a checkout of mttrly on the server, because this Central serves no release.`,
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

const ONLY_HERE = notice(
  'warn',
  html`<p>This Central is known by a name that only its own machine has, so another host cannot reach it. Start it with <code>--public-url</code>, and with <code>--grpc-host</code> and <code>--link-address</code> to match.</p>`,
)

function commandCard({ command, expiresAt, from }: InstallToken, publicUrl: string): string {
  const onlyHere = LOOPBACK.includes(new URL(publicUrl).hostname)
  return html`<section class="card stack"><h2>Run this on the server</h2>
<p>!${WHERE[from]}</p>!${onlyHere ? ONLY_HERE : ''}
<div class="copy"><pre class="code" id="command" tabindex="0" aria-label="Install command">${command}</pre><button class="button needs-script" type="button" data-copy="command">Copy</button></div>
<p class="hint">The token in it works once (!${countdown(expiresAt)}) and is shown nowhere else. Whoever has it can connect a host to your workspace, so pass it on like a password.</p></section>`
}

async function waitingPage({ session, query }: Visit, { fleet }: ConsoleRooms): Promise<Answer> {
  const since = Number(query.since)
  const servers = await fleet.list(session.workspaceId)
  const arrived = servers.filter((server) => server.createdAt >= since).toSorted((a, b) => b.createdAt - a.createdAt)[0]
  const body = html`<div class="stack narrow">!${HEAD}<section class="card" id="waiting">!${waiting(arrived, since)}</section></div>`
  return { page: { title: 'Add a server', active: 'servers', body } }
}

function waiting(server: Server | undefined, since: number): string {
  if (!server) {
    return html`<div class="stack tight"><p>!${pill('busy', 'Waiting for the server')}</p><p class="hint needs-no-script"><a href="/servers/add/waiting?since=${since}">Look whether it is there</a></p></div>`
  }
  const name = html`<a href="/servers/${encodeURIComponent(server.id)}">!${prose(server.name, 120)}</a>`
  return server.online
    ? html`<div class="row">!${pill('good', 'Online')}<p>!${name} is connected.</p></div>`
    : html`<div class="row">!${pill('busy', 'Enrolled')}<p>!${name} has its certificate and is connecting.</p></div>`
}
