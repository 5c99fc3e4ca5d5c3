// Certificates: each server's certificate and whom its agent believes, and plainly who would be cut off by replacing Central's
// authority now. It only shows; the steps are the administrator's, on Central's own machine.
import { html } from 'ghtml'
import type { AlreadyLost, AuthorityTrust, ServerTrust, TrustReport } from '../../fleet/rotation.ts'
import type { Answer, Door, Visit } from '../door.ts'
import { count, facts, notice, pill, time } from '../format.ts'
import type { ConsoleRooms } from '../rooms.ts'
import { prose } from '../visible.ts'

const NAME_SHOWN = 120
/** Those who would be cut off come first. */
const ROWS = 500

export function registerCertificates(door: Door, rooms: ConsoleRooms): void {
  door.get('/certificates', (visit) => certificatesPage(visit, rooms))
}

async function certificatesPage({ session }: Visit, { fleet }: ConsoleRooms): Promise<Answer> {
  const report = await fleet.trust(session.workspaceId)
  const servers = report.servers.toSorted((a, b) => worry(b, report) - worry(a, report))
  const body = html`<div class="stack tight"><p class="crumb"><a href="/">Servers</a></p><h1>Certificates</h1>
<p class="muted">Agents and Central know each other by certificates of Central’s own authority. It is replaced in three steps (<code>npm run admin -- ca prepare</code>, <code>ca switch</code>, <code>ca retire</code>), and no agent is lost that has been here in between. A step takes effect when Central is restarted: until then this page, enrolments and renewals go by what was before it.</p></div>
!${verdicts(report)}
<section class="card stack"><h2>Authorities</h2>!${report.authorities.map((authority) => authorityFacts(authority, report.servers.length))}</section>
<section class="card flush"><h2>Servers</h2>!${servers.length === 0 ? '<p class="inset muted">None.</p>' : html`<ul class="list">!${servers.slice(0, ROWS).map((server) => entry(server, report))}</ul>`}
!${servers.length > ROWS ? html`<p class="inset muted">${count(servers.length - ROWS, 'server')} more.</p>` : ''}</section>`
  return { page: { title: 'Certificates', active: 'servers', body } }
}

const isThere = ({ authorities }: TrustReport, state: AuthorityTrust['state']): boolean =>
  authorities.some((authority) => authority.state === state)

const worry = ({ alreadyLost, lostBy }: ServerTrust, { step }: TrustReport): number =>
  alreadyLost ? 2 : lostBy[step] ? 1 : 0

function verdicts(report: TrustReport): string {
  const { lostBy, servers } = report
  const lose = (lost: number) =>
    lost === 0 ? 'no server would be cut off.' : `${lost} of ${count(servers.length, 'server')} would be cut off.`
  const next = isThere(report, 'next') ? '' : ' No next authority is prepared that agents could have heard of.'
  const retire = isThere(report, 'old') ? lose(lostBy.retire) : 'there is no old authority.'
  return html`!${verdict(lostBy.switch, 'If another authority issued from now on', lose(lostBy.switch) + next)}
!${verdict(lostBy.retire, 'If the old authority were retired now', retire)}`
}

const verdict = (lost: number, what: string, says: string): string =>
  notice(lost > 0 ? 'warn' : 'good', html`<p><strong>${what}:</strong> ${says}</p>`)

const STATE_SAYS: Readonly<Record<AuthorityTrust['state'], string>> = {
  issuing: 'Issues',
  next: 'Prepared: agents are told of it',
  old: 'Issues no more; its certificates count until it is retired',
}

const authorityFacts = ({ state, fingerprint, notAfter, believedBy, issued }: AuthorityTrust, of: number): string =>
  facts([
    ['Authority', html`<code>${fingerprint}</code>`],
    ['State', STATE_SAYS[state]],
    ['Valid until', time(notAfter)],
    ['Believed by', html`${believedBy} of ${count(of, 'server')}`],
    ['Certificates', html`${issued} of ${count(of, 'server')}`],
  ])

const LOST_SAYS: Readonly<Record<AlreadyLost, string>> = {
  no_certificate: 'No certificate',
  expired: 'Expired',
  retired: 'Of a retired authority',
  unbelieving: 'Does not believe Central',
}

function entry(server: ServerTrust, report: TrustReport): string {
  const { id, name, certificate, lastSeenAt, knowsNext } = server
  const issuer = report.authorities.find(({ fingerprint }) => fingerprint === certificate?.issuer)
  const said = [
    certificate && html`certificate until !${time(certificate.notAfter)}`,
    certificate &&
      html`issued by !${issuer ? html`<code>${issuer.fingerprint.slice(0, 16)}</code>` : 'an authority that is retired'}`,
    isThere(report, 'next') && (knowsNext ? 'knows the next authority' : 'does not know the next authority'),
    lastSeenAt === null ? 'never seen' : html`last seen !${time(lastSeenAt, 'age')}`,
  ].filter((part): part is string => typeof part === 'string')
  return html`<li><a class="server" href="/servers/${encodeURIComponent(id)}"><span class="stack tight"><span class="row"><span class="title">!${prose(name, NAME_SHOWN)}</span>!${standing(server, report)}</span>
<span class="muted small">!${said.join(' · ')}</span></span></a></li>`
}

function standing({ alreadyLost, lostBy }: ServerTrust, { step }: TrustReport): string {
  if (alreadyLost) return pill('bad', `${LOST_SAYS[alreadyLost]}: needs a recovery command`)
  return lostBy[step] ? pill('warn', step === 'switch' ? 'Lost by a switch' : 'Lost by retiring') : pill('good', 'Well')
}
