// Approvals: what waits for a decision and what was decided, and the routes of one decision.
import { Readable } from 'node:stream'
import { html } from 'ghtml'
import { CatalogueError, type ErrorCode } from '#proto/contract/errors.ts'
import { ACTION_STATES, type Action, runsOnHost } from '../../domain/action.ts'
import { utf8Boundary } from '../../domain/text.ts'
import { type Answer, type Door, principalOf, type Visit } from '../door.ts'
import { gestureIn, signingChallenge } from '../gesture.ts'
import { challengeFor, proofIn, REFUSED } from '../proof.ts'
import type { ConsoleRooms } from '../rooms.ts'
import { output } from '../visible.ts'
import { actionList } from './action-list.ts'
import { decisionPage, revealPage } from './decision.ts'

const PAGE = 30
const OUTPUT_BYTES = 64 * 1024
const DECIDED = ACTION_STATES.filter((state) => state !== 'pending_approval')

export function registerApprovals(door: Door, rooms: ConsoleRooms): void {
  door.get('/approvals', (visit) => listPage(visit, rooms))
  door.get('/approvals/:id', async (visit) => decisionPage(visit, rooms, await actionOf(visit, rooms)))
  door.post('/approvals/:id', (visit) => decide(visit, rooms))
  door.post('/approvals/:id/challenge', (visit) => challenge(visit, rooms))
  door.post('/approvals/:id/reveal', (visit) => reveal(visit, rooms))
  door.get('/approvals/:id/output', (visit) => outputPage(visit, rooms))
  door.get('/approvals/:id/output.txt', (visit) => outputFile(visit, rooms))
}

const actionOf = ({ session, params }: Visit, { approvals }: ConsoleRooms): Promise<Action> =>
  approvals.get(session.workspaceId, params.id ?? '')

async function listPage({ session, query }: Visit, { approvals, fleet }: ConsoleRooms): Promise<Answer> {
  const before = Number(query.before)
  const older = Number.isSafeInteger(before) && before > 0 ? { before } : {}
  const [pending, decided, servers] = await Promise.all([
    approvals.list(session.workspaceId, { state: ['pending_approval'], limit: 100 }),
    approvals.list(session.workspaceId, { state: DECIDED, limit: PAGE, ...older }),
    fleet.list(session.workspaceId),
  ])
  const names = new Map(servers.map((server) => [server.id, server.name]))
  const last = decided.length === PAGE ? decided.at(-1) : undefined
  const body = html`<h1>Approvals</h1>
<section class="card flush" id="waiting" data-live><h2>Waiting for a decision</h2>!${actionList(pending, 'Nothing waits. When a client asks for a change, it appears here.', names)}</section>
<section class="card flush" id="decided" data-live><h2>Decided</h2>!${actionList(decided, 'Nothing has been decided yet.', names)}</section>
!${last ? html`<p><a href="/approvals?before=${last.created_at}">Older</a></p>` : ''}`
  return { page: { title: 'Approvals', active: 'approvals', body } }
}

/** The proof is bound to this action and to these bytes. */
const purposeOf = (action: Action): string => `approve ${action.id} ${action.digest}`

async function challenge(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  const action = await actionOf(visit, rooms)
  const spec = await signedSpec(visit, rooms, action)
  return spec ? signingChallenge(visit, rooms, action, spec) : challengeFor(visit, rooms, purposeOf(action))
}

/** What the action's host runs only when it is signed for the host to see; undefined where Central's word is enough. */
async function signedSpec({ session }: Visit, { fleet }: ConsoleRooms, { spec, server_id }: Action) {
  if (!runsOnHost(spec)) return undefined
  return (await fleet.get(session.workspaceId, server_id))?.approvers ? spec : undefined
}

async function decide(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  const action = await actionOf(visit, rooms)
  try {
    await carryOut(visit, rooms, action)
    return { to: `/approvals/${encodeURIComponent(action.id)}` }
  } catch (error) {
    if (!(error instanceof CatalogueError)) throw error
    return decisionPage(visit, rooms, await actionOf(visit, rooms), problemOf(error))
  }
}

async function carryOut(visit: Visit, rooms: ConsoleRooms, action: Action): Promise<void> {
  const { form, session } = visit
  const digest = form.digest ?? ''
  const asked = { by: principalOf(session), actionId: action.id, digest }
  if (form.decision === 'reject') {
    await rooms.approvals.decide({ ...asked, decision: 'reject', proof: 'none' })
    return
  }
  if (form.decision !== 'approve')
    throw new CatalogueError('VALIDATION_ERROR', { why: 'Choose to approve or to reject.' })
  // A code is not used up for a decision that cannot be made any more.
  if (action.state !== 'pending_approval') throw new CatalogueError('ACTION_NOT_FOUND')
  if (digest !== action.digest) throw new CatalogueError('VALIDATION_ERROR', { why: DRIFT })
  const spec = await signedSpec(visit, rooms, action)
  if (spec) {
    const approval = await gestureIn(visit, rooms, action, spec)
    await rooms.approvals.decide({ ...asked, decision: 'approve', proof: 'signature', ...(approval && { approval }) })
    return
  }
  const proof = await proofIn(visit, rooms, purposeOf(action))
  await rooms.approvals.decide({ ...asked, decision: 'approve', proof })
}

const DRIFT =
  'What you were shown is not what is stored now. Nothing was approved. Read it again below before deciding.'

const WORDS: Partial<Record<ErrorCode, string>> = {
  ACTION_NOT_FOUND: 'Somebody else was first: this has been decided already. Your decision changed nothing.',
  ACTION_EXPIRED: 'The time to decide is over. Nothing has run.',
  ...REFUSED,
}

export type Problem = { status: number; text: string; atProof: boolean }

function problemOf({ code, details, message }: CatalogueError): Problem {
  const why = typeof details.why === 'string' ? details.why : message
  const atProof = code in REFUSED
  const status = atProof ? 422 : code === 'FORBIDDEN' ? 403 : 409
  return { status, text: WORDS[code] ?? why, atProof }
}

/** What an action of Central's own has to say (a new install command), to the one who asked for it. */
async function reveal(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  const action = await actionOf(visit, rooms)
  return revealPage(action, (await rooms.reveal(principalOf(visit.session), action)) ?? {})
}

/** One stretch of redacted output from byte `from`, as HTML for the page; `next` is where the following one starts. */
async function outputPage(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  const action = await actionOf(visit, rooms)
  const asked = Number(visit.query.from)
  const from = Number.isSafeInteger(asked) && asked > 0 ? asked : 0
  const held = await rooms.output.readOutput(action.id, from, OUTPUT_BYTES)
  const ended = action.finished_at !== null
  const end = await rooms.output.outputEnd(action.id)
  const whole = ended && from + held.length >= end ? held : held.subarray(0, utf8Boundary(held))
  const next = from + whole.length
  return { json: { html: output(whole.toString('utf8')), next, more: next < end || !ended } }
}

/** All of the kept output, as it came: a file to save, never something a browser would render. */
async function outputFile(visit: Visit, rooms: ConsoleRooms): Promise<Answer> {
  const { id } = await actionOf(visit, rooms)
  const end = await rooms.output.outputEnd(id)
  async function* chunks() {
    for (let from = 0; from < end; from += OUTPUT_BYTES) {
      yield await rooms.output.readOutput(id, from, Math.min(OUTPUT_BYTES, end - from))
    }
  }
  return visit.reply
    .header('content-disposition', `attachment; filename="${id.replaceAll(/\W/g, '')}.txt"`)
    .header('x-content-type-options', 'nosniff')
    .type('text/plain; charset=utf-8')
    .send(Readable.from(chunks()))
}
