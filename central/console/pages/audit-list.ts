// Audit lines, newest first, each to be opened; used by the audit page and by a server's page.
import { html } from 'ghtml'
import type { AuditEntry } from '../../audit/audit.ts'
import type { AuditBody, AuditEventName } from '../../domain/audit.ts'
import { pill, type Tone, time } from '../format.ts'
import { output, prose } from '../visible.ts'

const EVENTS: Record<AuditEventName, string> = {
  'call.opened': 'Call opened',
  'call.closed': 'Call closed',
  'call.invalid': 'Call not understood',
  'action.requested': 'Action requested',
  'action.decided': 'Action decided',
  'action.started': 'Action started',
  'action.finished': 'Action finished',
  'action.expired': 'Action expired',
  'action.revealed': 'Result shown',
  'server.token_created': 'Install token made',
  'server.enrolled': 'Server enrolled',
  'server.clone_suspected': 'Clone suspected',
  'account.signed_in': 'Signed in',
  'account.changed': 'Account changed',
  'policy.changed': 'Policy changed',
  'alert.raised': 'Alert raised',
  'alert.resolved': 'Alert resolved',
}

export function auditList(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return '<p class="inset muted">Nothing has been written down yet.</p>'
  return html`<ul class="list lines">!${entries.map(line)}</ul>`
}

function line({ seq, at, hash, body }: AuditEntry): string {
  const said = body.outcome ?? body.verdict
  return html`<li><details><summary><span class="row summary-row"><span class="muted small number number-of-line">${seq}</span><span class="title">${EVENTS[body.event]}</span>!${said === undefined ? '' : pill(toneOf(said), said)}<span class="muted small whole">!${what(body)}</span><span class="muted small">!${who(body)} · !${time(at, 'age')}</span></span></summary>
<div class="inside stack"><pre class="code">!${output(JSON.stringify(body, null, 2))}</pre><p class="small muted wrap-anywhere">SHA-256 <code>${hash}</code></p></div></details></li>`
}

const who = ({ actor }: AuditBody): string =>
  actor.email === '' ? html`${actor.client_name}` : html`!${prose(actor.email, 80)}`

const what = ({ tool, resource }: AuditBody): string =>
  [tool && html`<code>${tool}</code>`, resource && prose(resource, 160)].filter(Boolean).join(' ')

function toneOf(said: string): Tone {
  if (/^(deny|error)|^(failed|timed_out)$/.test(said)) return 'bad'
  if (/^(ask|unknown|expired)$/.test(said)) return 'warn'
  return /^(allow|ok|result|approved|succeeded)$/.test(said) ? 'good' : 'idle'
}
