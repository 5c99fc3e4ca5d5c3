// A list of actions, newest first; used by the approvals page and by a server's page.
import { html } from 'ghtml'
import type { Action } from '../../domain/action.ts'
import { stateWords } from '../action-words.ts'
import { countdown, pill, time } from '../format.ts'
import { exact, prose } from '../visible.ts'

/** `serverNames` adds the server to each line. */
export function actionList(
  actions: readonly Action[],
  empty: string,
  serverNames?: ReadonlyMap<string, string>,
): string {
  if (actions.length === 0) return html`<p class="inset muted">${empty}</p>`
  return html`<ul class="list">!${actions.map((action) => entry(action, serverNames))}</ul>`
}

function entry(action: Action, serverNames: ReadonlyMap<string, string> | undefined): string {
  const { label, tone } = stateWords(action)
  const server = serverNames && (serverNames.get(action.server_id) ?? 'a server that is gone')
  return html`<li><a href="/approvals/${encodeURIComponent(action.id)}"><span class="head"><span class="title ${action.spec.kind === 'command' ? 'mono' : ''}">!${subject(action)}</span>!${pill(tone, label)}</span>
<span class="muted small">!${server === undefined ? '' : html`on !${prose(server, 80)} · `}${'asked by '}!${prose(action.requester.email, 80)} with !${prose(action.requester.client_name, 60)} !${when(action)}</span></a></li>`
}

/** What it is about, in one line; the decision page shows it whole. */
const subject = ({ spec, words }: Action): string =>
  spec.kind === 'command' ? exact(spec.line, 160) : prose(words.title, 160)

const when = (action: Action): string =>
  action.state === 'pending_approval'
    ? html`· !${countdown(action.expires_at)} to decide`
    : html`· !${time(action.finished_at ?? action.decision?.at ?? action.created_at, 'age')}`
