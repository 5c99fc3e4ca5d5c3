// The audit log: what was asked, decided and done, with the check of its hash chain and an export for the offline one.
import { Readable } from 'node:stream'
import { html } from 'ghtml'
import type { AuditEntry, Verification } from '../../audit/audit.ts'
import { plainText } from '../../domain/text.ts'
import type { Answer, Door, Visit } from '../door.ts'
import { count, notice } from '../format.ts'
import type { ConsoleRooms, Server } from '../rooms.ts'
import { auditList } from './audit-list.ts'

const PAGE = 50

export function registerAudit(door: Door, rooms: ConsoleRooms): void {
  door.get('/audit', (visit) => auditPage(visit, rooms))
  door.get('/audit.jsonl', (visit) => exportFile(visit, rooms))
}

async function auditPage({ session, query }: Visit, { audit, fleet }: ConsoleRooms): Promise<Answer> {
  const before = Number(query.before)
  const filter = {
    limit: PAGE,
    ...(query.server && { serverId: query.server }),
    ...(Number.isSafeInteger(before) && before > 0 && { before }),
  }
  const [entries, servers, checked] = await Promise.all([
    audit.list(session.workspaceId, filter),
    fleet.list(session.workspaceId),
    query.check === undefined ? undefined : audit.verify(session.workspaceId),
  ])
  const body = html`<div class="row apart"><h1>Audit log</h1><div class="row"><form method="get" action="/audit"><input type="hidden" name="check" value="chain"><button class="button">Check the chain</button></form><a class="button" href="/audit.jsonl">Export</a></div></div>
!${checked ? verdict(checked) : ''}
!${serverFilter(servers, query.server)}
<section class="card flush" aria-label="Lines">!${auditList(entries)}</section>
!${olderLink(entries, query.server)}
<p class="hint">Every line carries the SHA-256 of the one before it, so that a change or a gap shows. The export can be checked on another machine, with Central’s public key: <code>npm run admin -- audit verify --file audit.jsonl --key PUBLIC.pem</code>.</p>`
  return { page: { title: 'Audit log', active: 'audit', body } }
}

function verdict(checked: Verification): string {
  if (checked.ok) {
    return notice(
      'good',
      html`<p><strong>The chain holds.</strong> ${count(checked.lines, 'line')} checked; the last is <code>${checked.head}</code>.</p>`,
    )
  }
  return notice(
    'bad',
    html`<p><strong>The chain is broken at line ${checked.fault.seq}: ${checked.fault.why}.</strong> ${count(checked.lines, 'line')} before it hold. Somebody has changed the log outside of Central.</p>`,
  )
}

function serverFilter(servers: readonly Server[], chosen: string | undefined): string {
  const known = servers.some((server) => server.id === chosen)
  return html`<form class="row" method="get" action="/audit"><label for="server">Server</label><select id="server" name="server"><option value="">All</option>!${servers.map(
    (server) =>
      html`<option value="${server.id}" !${server.id === chosen ? 'selected' : ''}>${plainText(server.name.slice(0, 80))}</option>`,
  )}!${chosen && !known ? html`<option value="${chosen}" selected>${plainText(chosen.slice(0, 60))}</option>` : ''}</select><button class="button">Show</button></form>`
}

function olderLink(entries: readonly AuditEntry[], server: string | undefined): string {
  const last = entries.length === PAGE ? entries.at(-1) : undefined
  if (!last) return ''
  const query = new URLSearchParams({ ...(server && { server }), before: String(last.seq) })
  return html`<p><a href="/audit?${query.toString()}">Older</a></p>`
}

/** One JSON object a line, oldest first, with the signed checkpoints: what the offline check reads. */
async function exportFile({ session, reply }: Visit, { audit }: ConsoleRooms): Promise<Answer> {
  return reply
    .header('content-disposition', 'attachment; filename="audit.jsonl"')
    .header('x-content-type-options', 'nosniff')
    .type('application/x-ndjson')
    .send(Readable.from(audit.exportLines(session.workspaceId)))
}
