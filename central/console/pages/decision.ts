// The decision page: the server, who asks, exactly what will run, what it does, and the decision. Afterwards, what became of it.
import { html } from 'ghtml'
import { runDigest } from '#proto/contract/approval.ts'
import { type Action, type ActionOutcome, type ActionSpec, type HostSpec, runsOnHost } from '../../domain/action.ts'
import { mayApprove } from '../../domain/principal.ts'
import type { Factors } from '../../identity/proof.ts'
import { mayHaveRun, stateWords } from '../action-words.ts'
import type { Answer, Visit } from '../door.ts'
import { bytes, count, countdown, duration, facts, notice, pill, time } from '../format.ts'
import { csrfField } from '../layout.ts'
import { hasFactor, needsFactor, proofFields } from '../proof.ts'
import type { ConsoleRooms, Server } from '../rooms.ts'
import { exact, prose, unusual } from '../visible.ts'
import type { Problem } from './approvals.ts'
import { fileChange } from './file-work.ts'
import { repair, update } from './host-work.ts'
import { scriptRun } from './script-work.ts'

export async function decisionPage(
  visit: Visit,
  rooms: ConsoleRooms,
  action: Action,
  problem?: Problem,
): Promise<Answer> {
  const { session } = visit
  const [servers, factors, { policy }] = await Promise.all([
    rooms.fleet.list(session.workspaceId),
    rooms.identity.factorsOf(session.userId),
    rooms.plans.get(session.workspaceId),
  ])
  const server = servers.find(({ id }) => id === action.server_id)
  const serverName = server
    ? html`<a href="/servers/${encodeURIComponent(server.id)}">!${prose(server.name, 120)}</a>`
    : 'a server that is no longer there'
  const body = html`<div class="stack tight"><p class="crumb"><a href="/approvals">Approvals</a></p><h1>!${heading(action)}</h1>
<p class="muted">on <strong>!${serverName}</strong></p></div>
!${problem && !problem.atProof ? notice('bad', html`<p>${problem.text}</p>`) : ''}
<div id="state" data-live data-state="${action.state}" aria-live="polite">!${stateCard(action)}</div>
<div class="columns"><div class="stack">!${resultCard(visit, action)}!${whatRuns(action, servers)}</div>
<div class="stack">!${whoAsks(action)}<div id="decide" data-live="${action.state}">!${decideCard(visit, action, signedSpec(action, servers) ? signForm(visit, action, factors) : approveForm(visit, action, factors, problem), policy.two_person)}</div></div></div>`
  return {
    ...(problem && { status: problem.status }),
    page: {
      title: `${stateWords(action).label}: ${HEADINGS[action.spec.kind].toLowerCase()}`,
      active: 'approvals',
      body,
      scripts: ['simplewebauthn.js', 'passkey-proof.js'],
    },
  }
}

const HEADINGS: Record<ActionSpec['kind'], string> = {
  command: 'Run a command',
  repair_install: 'Repair the installation',
  update_agent: 'Update the agent',
  write_file: 'Write a file',
  cleanup_file: 'Delete a file',
  execute_script: 'Run a script',
  bootstrap_recover: 'Make a recovery command',
  regenerate_install_token: 'Make a new install command',
  decommission_server: 'Decommission a server',
}
const heading = ({ spec }: Action): string => html`${HEADINGS[spec.kind]}`

function stateCard(action: Action): string {
  const { label, tone, sentence } = stateWords(action)
  const left =
    action.state === 'pending_approval'
      ? html`<span class="push number">!${countdown(action.expires_at)} <span class="muted">to decide</span></span>`
      : ''
  return html`<div class="card stack tight"><div class="row">!${pill(tone, label)}<span>${sentence}</span>!${left}</div>!${decidedBy(action)}</div>`
}

const PROOFS = {
  passkey: ' with a passkey',
  totp: ' with a one-time code',
  signature: ' with a signature that the server checks',
  none: '',
}

function decidedBy({ decision, state }: Action): string {
  if (!decision) return ''
  const did = state === 'rejected' ? 'Rejected' : 'Approved'
  return html`<p class="muted small">${did} by !${prose(decision.by_email, 120)}${PROOFS[decision.proof]}, !${time(decision.at)}</p>`
}

function whatRuns(action: Action, servers: readonly Server[]): string {
  const { spec, words, canonical, digest } = action
  const signed = signedSpec(action, servers)
  return html`<section class="card stack"><h2>${what(action)}</h2>
!${spec.kind === 'command' ? '' : html`<p>!${prose(words.title)}</p>`}!${workOf(spec, servers)}
!${facts([
    ['Effect', html`!${prose(words.effect)}`],
    ['To undo it', html`!${prose(words.undo)}`],
    ['Approval', html`!${prose(words.why)}`],
  ])}
!${signed ? runHash(signed) : ''}<details><summary>${signed ? 'All that Central keeps of it' : 'All that is signed'}: ${bytes(Buffer.byteLength(canonical))}</summary><div class="stack tight below"><pre class="code command" tabindex="0" aria-label="Canonical bytes">!${exact(canonical)}</pre><p class="hint">Canonical JSON (RFC 8785). A change of one byte changes the digest, and then it does not run.</p></div></details>
<p class="small"><span class="muted">${signed ? 'SHA-256 of that' : 'SHA-256'}</span> <code class="wrap-anywhere">${digest}</code></p></section>`
}

/** What its host runs only when one of the approvers that the host names has signed it. */
const signedSpec = ({ spec, server_id }: Action, servers: readonly Server[]): HostSpec | undefined =>
  runsOnHost(spec) && servers.find(({ id }) => id === server_id)?.approvers ? spec : undefined

/** In the words of the approver's tool (install/approver/show.ts), so that the two can be compared. */
const runHash = (spec: HostSpec): string =>
  html`<div class="stack tight"><p class="small"><span class="muted">Run SHA-256</span> <code class="wrap-anywhere">${runDigest({ ...spec, argv: [...spec.argv] })}</code></p><p class="hint">The approver&rsquo;s tool shows the same. What an approver signs names it, with this server, this action and a time limit.</p></div>`

function what({ state, spec }: Action): string {
  if (state === 'pending_approval' || state === 'approved')
    return spec.kind === 'command' ? 'What will run' : 'What will be done'
  return mayHaveRun(state) ? 'What was started' : 'What was asked'
}

function workOf(spec: ActionSpec, servers: readonly Server[]): string {
  const find = (id: string) => servers.find((server) => server.id === id)
  if (spec.kind === 'command') return command(spec, find(spec.server_id))
  if (spec.kind === 'repair_install') return repair(spec)
  if (spec.kind === 'execute_script') return scriptRun(spec)
  if (spec.kind === 'write_file' || spec.kind === 'cleanup_file') return fileChange(spec)
  if (spec.kind !== 'update_agent') return ''
  return update(spec, (id) => prose(find(id)?.name ?? 'a server that is no longer there', 120))
}

/** Without a name the act lane's own account: root where the lane is a unit of systemd. */
function userOf({ user }: Command, server: Server | undefined): string {
  if (user !== '') return html`<code>!${exact(user)}</code>`
  const lane = server?.lanes.find(({ name }) => name === 'act')
  return lane?.isolation === 'systemd' ? '<code>root</code>' : 'The account that the agent runs as'
}

type Command = Extract<ActionSpec, { kind: 'command' }>

function command(spec: Command, server: Server | undefined): string {
  const odd = unusual(spec.line)
  const lines = spec.line.split('\n').length
  const env = Object.entries(spec.env)
  return html`<div class="stack tight"><pre class="code command" id="line" tabindex="0" aria-label="Command, exactly">!${exact(spec.line)}</pre>
<p class="hint">${count(Buffer.byteLength(spec.line), 'byte')}${lines > 1 ? `, ${lines} lines` : ''}, all of it shown here.</p></div>
!${odd > 0 ? notice('warn', html`<p><strong>${count(odd, 'character')} ${odd === 1 ? 'is' : 'are'} not plain ASCII</strong> and may look like something else. Each is shown by its code, such as <span class="visible">\u{202e}</span>.</p>`) : ''}
!${facts([
    ['As user', userOf(spec, server)],
    ['In', html`<code>!${exact(spec.cwd)}</code>`],
    ['Started as', startedAs(spec)],
    [
      'Environment',
      env.length === 0
        ? undefined
        : html`!${env.map(([name, value]) => html`<code>!${exact(`${name}=${value}`)}</code> `)}`,
    ],
    ['Time limit', duration(spec.timeout_ms)],
    ['Terminal', spec.terminal ? 'Yes' : undefined],
  ])}`
}

function startedAs({ argv, line }: Command): string {
  const whole = argv.at(-1) === line
  const words = (whole ? argv.slice(0, -1) : argv).map((word) => html`<code class="word">!${exact(word)}</code>`)
  return html`!${words.join(' ')}${whole ? ', then the command' : ''}`
}

const CREDENTIALS: Record<Action['requester']['credential'], string> = {
  oauth: 'a connected client',
  api_key: 'an API key',
  session: 'this console',
  system: 'Central itself',
}

function whoAsks(action: Action): string {
  const { requester, words, created_at } = action
  const client = html`!${prose(requester.client_name, 100)}${requester.credential === 'oauth' ? ' ' : ''}!${requester.credential === 'oauth' ? '<span class="muted small">(the name that the client gives itself)</span>' : ''}`
  return html`<section class="card stack"><h2>Who asks</h2>!${facts([
    ['Person', prose(requester.email, 200)],
    ['With', html`${CREDENTIALS[requester.credential]}`],
    ['Client', client],
    ['Asked', time(created_at)],
    [
      'Reason given',
      words.reason === ''
        ? '<span class="muted">None</span>'
        : html`<span class="quote">!${prose(words.reason)}</span>`,
    ],
  ])}<p class="hint">Names and reasons come from the client. Only what stands under &ldquo;${what(action)}&rdquo; is what was asked for.</p></section>`
}

function decideCard(visit: Visit, action: Action, approve: string, twoPerson: boolean): string {
  const { session } = visit
  if (action.state !== 'pending_approval') return ''
  if (!mayApprove(session.role))
    return notice('warn', html`<p>Your role is ${session.role}: an approver or an owner must decide this.</p>`)
  const own = twoPerson && action.requester.user_id === session.userId
  return html`<section class="card stack decide"><h2>Decide</h2>
!${own ? notice('warn', '<p>You asked for this yourself. The policy of this workspace wants another member to approve it.</p>') : approve}
<form method="post" action="${pathOf(action)}" class="reject">!${hiddenFields(visit, action)}<button class="button danger" name="decision" value="reject">Reject</button></form></section>`
}

const pathOf = ({ id }: Action): string => `/approvals/${encodeURIComponent(id)}`
const hiddenFields = ({ session }: Visit, { digest }: Action): string =>
  html`!${csrfField(session)}<input type="hidden" name="digest" value="${digest}">`

function approveForm(visit: Visit, action: Action, factors: Factors, problem: Problem | undefined): string {
  if (!hasFactor(factors)) return needsFactor('approve')
  const url = pathOf(action)
  return html`<form class="stack" method="post" action="${url}"><input type="hidden" name="decision" value="approve">!${hiddenFields(visit, action)}!${proofFields(factors, { submit: 'Approve', challengeUrl: `${url}/challenge`, error: problem?.atProof ? problem.text : undefined })}</form>`
}

/** The host looks at the signature itself: no code that is typed here would do. */
function signForm(visit: Visit, action: Action, factors: Factors): string {
  const url = pathOf(action)
  const passkey = html`<p class="or needs-script">or</p><form class="stack" method="post" action="${url}"><input type="hidden" name="decision" value="approve">!${hiddenFields(visit, action)}!${proofFields({ ...factors, totp: false }, { submit: 'Sign', challengeUrl: `${url}/challenge` })}<p class="hint">Good only with a passkey that the policy of this server names; your account page has the line for it.</p></form>`
  return html`<p>This server runs only what one of the approvers in its own policy has signed. On the machine of one of them:</p><div class="copy"><pre class="code" id="sign" tabindex="0" aria-label="Command that signs">npm run approver -- sign ${action.id}</pre><button class="button needs-script" type="button" data-copy="sign">Copy</button></div><p class="hint">It shows what will run, from the bytes that are signed, and asks.</p>!${factors.passkeys ? passkey : ''}`
}

function resultCard({ session }: Visit, action: Action): string {
  const url = `/approvals/${encodeURIComponent(action.id)}`
  const isCommand = runsOnHost(action.spec)
  return html`<div id="result" data-live>!${mayHaveRun(action.state) && action.started_at !== null ? html`<section class="card stack"><h2>What became of it</h2>!${outcome(action)}!${isCommand ? '' : revealForm(url, action, session)}</section>` : ''}</div>
!${isCommand ? html`<section class="card stack" id="output" data-output="${url}/output" hidden><div class="row apart"><h2>Output</h2><a href="${url}/output.txt">Save as a file</a></div><pre class="code output" tabindex="0" aria-label="Output"></pre><p class="hint" data-output-note>Redacted on the server: secrets were replaced before they left it.</p></section>` : ''}
!${isCommand && mayHaveRun(action.state) ? html`<p class="needs-no-script"><a href="${url}/output.txt">The output, as a file</a></p>` : ''}`
}

function outcome({ outcome, started_at, finished_at }: Action): string {
  const rest: Partial<ActionOutcome> = outcome ?? {}
  const kept =
    rest.output_kept !== undefined && rest.output_bytes !== undefined && rest.output_kept < rest.output_bytes
      ? `, of which ${bytes(rest.output_kept)} were kept`
      : ''
  return facts([
    ['Started', started_at === null ? undefined : time(started_at)],
    ['Ended', finished_at === null ? undefined : time(finished_at)],
    ['Took', rest.duration_ms === undefined ? undefined : duration(rest.duration_ms)],
    ['Exit code', rest.exit_code === undefined ? undefined : html`<code>${rest.exit_code}</code>`],
    ['Ended by', rest.signal ? html`<code>${rest.signal}</code>` : undefined],
    ['Isolation', rest.isolation === undefined ? undefined : html`${rest.isolation}`],
    ['Output', rest.output_bytes === undefined ? undefined : html`${bytes(rest.output_bytes)}${kept}`],
    ['Output SHA-256', rest.output_sha256 === undefined ? undefined : html`<code>${rest.output_sha256}</code>`],
    ['Secrets redacted', rest.redactions ? html`${rest.redactions}` : undefined],
    ['Still running', survivors(rest)],
    ['Note', rest.detail ? prose(rest.detail) : undefined],
    ['Error', rest.error ? html`<code>${rest.error.code}</code>` : undefined],
  ])
}

function survivors({ survivors }: Partial<ActionOutcome>): string | undefined {
  if (!survivors?.length) return undefined
  return html`!${survivors.map(({ pid, command }) => html`<code>${pid}</code> !${prose(command, 200)}<br>`)}`
}

const REVEALED: readonly ActionSpec['kind'][] = ['regenerate_install_token', 'bootstrap_recover']

function revealForm(url: string, action: Action, session: { csrf: string }): string {
  if (action.state !== 'succeeded' || !REVEALED.includes(action.spec.kind)) return ''
  return html`<p>The new command holds a token, like a password. Show it only where it is to be used.</p><form method="post" action="${url}/reveal">!${csrfField(session)}<button class="button">Show it</button></form>`
}

export function revealPage(action: Action, result: Readonly<Record<string, unknown>>): Answer {
  const command = typeof result.command === 'string' ? result.command : undefined
  const sudo = typeof result.sudo_command === 'string' ? result.sudo_command : undefined
  const body = html`<div class="stack narrow"><p class="crumb"><a href="/approvals/${encodeURIComponent(action.id)}">Back to the action</a></p><h1>New install command</h1>
!${command === undefined ? notice('warn', '<p>There is no command to show.</p>') : html`<section class="card stack"><div class="copy"><pre class="code" id="command" tabindex="0" aria-label="Install command">${command}</pre><button class="button needs-script" type="button" data-copy="command">Copy</button></div>!${sudo === undefined ? '' : html`<p>As root; from another account:</p><div class="copy"><pre class="code" id="sudo" tabindex="0" aria-label="The same with sudo">${sudo}</pre><button class="button needs-script" type="button" data-copy="sudo">Copy</button></div>`}<p class="hint">The token in it works once, within one hour.</p></section>`}</div>`
  return { page: { title: 'New install command', active: 'approvals', body } }
}
