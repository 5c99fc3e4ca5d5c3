// The account page: what proves who I am, where I am signed in, which clients and keys act for me. Changes here need
// a sign-in of the last few minutes; what is shown once is shown in the answer to the form that made it.
import { html } from 'ghtml'
import { z } from 'zod'
import type { Audit } from '../../audit/audit.ts'
import { SCOPES } from '../../domain/principal.ts'
import type { Identity, SessionView } from '../../identity/identity.ts'
import { RegistrationResponse } from '../../identity/passkeys.ts'
import type { OAuth } from '../../oauth/oauth.ts'
import type { Answer, Door, Visit } from '../door.ts'
import { notice } from '../format.ts'
import { writeDown } from '../owner.ts'
import { accountBody, qrOf, shownOnce } from './account-cards.ts'

export type AccountRooms = {
  identity: Identity
  oauth: OAuth
  audit: Pick<Audit, 'append'>
  clock: { now(): number }
}

const FRESH = 10 * 60_000
const NOT_DONE = 422

type Act = (visit: Visit, rooms: AccountRooms) => Promise<Answer>

/**
 * POST routes of this page. `fresh`: whoever found an open browser must not be able to do it. `asks`: nothing changes, and
 * nothing is written down.
 */
const ACTS: readonly { path: string; fresh: boolean; asks?: true; act: Act }[] = [
  { path: '/account/password', fresh: true, act: changePassword },
  { path: '/account/totp', fresh: true, act: beginTotp },
  { path: '/account/totp/confirm', fresh: true, act: confirmTotp },
  { path: '/account/totp/remove', fresh: true, act: removeTotp },
  { path: '/account/passkeys/options', fresh: true, asks: true, act: passkeyOptions },
  { path: '/account/passkeys', fresh: true, act: addPasskey },
  { path: '/account/passkeys/remove', fresh: true, act: removePasskey },
  { path: '/account/recovery-codes', fresh: true, act: newRecoveryCodes },
  { path: '/account/api-keys', fresh: true, act: createApiKey },
  { path: '/account/api-keys/revoke', fresh: false, act: revokeApiKey },
  { path: '/account/clients/revoke', fresh: false, act: revokeClient },
  { path: '/account/sessions/end', fresh: false, act: endSession },
  { path: '/account/sign-out-everywhere', fresh: false, act: signOutEverywhere },
]

export function registerAccount(door: Door, rooms: AccountRooms): void {
  door.get('/account', async (visit) => {
    const { welcome, joined } = visit.query
    const first = welcome === undefined ? (joined === undefined ? '' : JOINED) : WELCOME
    return show(visit, rooms, visit.query.done === undefined ? first : notice('good', '<p>Done.</p>'))
  })
  // An expired session or a refused form leads back here with GET.
  for (const { path } of ACTS) door.get(path, async () => ({ to: '/account' }))
  for (const { path, fresh, asks, act } of ACTS) {
    door.post(path, async (visit) => {
      const old = fresh && rooms.clock.now() - visit.session.authenticatedAt > FRESH
      if (old) return { to: '/sign-in?again=1&next=%2Faccount' }
      if (asks) return act(visit, rooms)
      const line = lineOf(path, visit)
      // Before it is done. What is refused then, such as a wrong code, says so in a line of its own.
      await writeDown(visit, rooms, line)
      const answer = await act(visit, rooms)
      if ('page' in answer && answer.status === NOT_DONE) await writeDown(visit, rooms, { ...line, outcome: 'refused' })
      return answer
    })
  }
}

/** Fields that say what a form is about; the others hold passwords, codes and keys. */
const SAID = ['id', 'name', 'scopes', 'days']

function lineOf(path: string, { form }: Visit): Parameters<typeof writeDown>[2] {
  const said = SAID.flatMap((name) => (form[name] ? [[name, form[name].slice(0, 100)] as const] : []))
  return { event: 'account.changed', resource: path.slice('/account/'.length), details: Object.fromEntries(said) }
}

const WELCOME = notice(
  'good',
  html`<p><strong>This Central is yours.</strong> Now add a passkey or an authenticator app: without a second factor you cannot approve anything.</p>`,
)

const JOINED = notice(
  'good',
  html`<p><strong>You have joined.</strong> Now add a passkey or an authenticator app: without a second factor you cannot approve anything.</p>`,
)

const done: Answer = { to: '/account?done' }

async function show(visit: Visit, rooms: AccountRooms, said = '', status = 200): Promise<Answer> {
  const { session } = visit
  const { identity, oauth } = rooms
  const body = accountBody({
    session,
    said,
    factors: await identity.factorsOf(session.userId),
    waiting: await waitingTotp(identity, session),
    passkeys: await identity.passkeys.list(session.userId),
    sessions: await identity.sessions.list(session.userId),
    clients: await oauth.grants.list(session.userId),
    apiKeys: await identity.apiKeys.list(session.userId),
  })
  return {
    status,
    page: { title: 'Account', active: 'account', body, scripts: ['simplewebauthn.js', 'passkey-enrol.js'] },
  }
}

async function waitingTotp(identity: Identity, session: SessionView) {
  const waiting = await identity.totp.waiting(session.userId, session.email)
  return waiting && { ...waiting, qr: await qrOf(waiting.uri) }
}

const refused = (visit: Visit, rooms: AccountRooms, why: string): Promise<Answer> =>
  show(visit, rooms, notice('bad', html`<p>${why}</p>`), NOT_DONE)

async function changePassword(visit: Visit, rooms: AccountRooms): Promise<Answer> {
  const { current = '', password = '' } = visit.form
  const refusal = await rooms.identity.accounts.changePassword(visit.session, current, password)
  return refusal ? refused(visit, rooms, refusal.why) : done
}

async function beginTotp({ session }: Visit, { identity }: AccountRooms): Promise<Answer> {
  await identity.totp.begin(session.userId, session.email, { confirmed: false })
  return { to: '/account#totp' }
}

async function confirmTotp(visit: Visit, rooms: AccountRooms): Promise<Answer> {
  const right = await rooms.identity.totp.confirm(visit.session.userId, visit.form.code ?? '')
  if (!right)
    return refused(visit, rooms, 'This code is not right. Check the clock of your device and try the next code.')
  return afterFirstFactor(visit, rooms)
}

/** The first factor brings recovery codes with it. */
async function afterFirstFactor(visit: Visit, rooms: AccountRooms): Promise<Answer> {
  const { recoveryCodes } = await rooms.identity.factorsOf(visit.session.userId)
  return recoveryCodes > 0 ? done : newRecoveryCodes(visit, rooms)
}

/** Recovery codes without a factor that they recover would be a second password. */
async function afterLastFactor({ session }: Visit, { identity }: AccountRooms): Promise<Answer> {
  const { totp, passkeys } = await identity.factorsOf(session.userId)
  if (!totp && !passkeys) await identity.recoveryCodes.remove(session.userId)
  return done
}

async function removeTotp(visit: Visit, rooms: AccountRooms): Promise<Answer> {
  await rooms.identity.totp.remove(visit.session.userId)
  return afterLastFactor(visit, rooms)
}

async function passkeyOptions(visit: Visit, rooms: AccountRooms): Promise<Answer> {
  const { session } = visit
  const options = await rooms.identity.passkeys.registrationOptions({ id: session.userId, email: session.email })
  return options ? { json: options } : visit.reply.code(409).send({})
}

async function addPasskey(visit: Visit, rooms: AccountRooms): Promise<Answer> {
  const { data } = RegistrationResponse.safeParse(parseJson(visit.form.passkey))
  const name = (visit.form.name ?? '').trim().slice(0, 60) || 'Passkey'
  const added = data && (await rooms.identity.passkeys.register(visit.session.userId, data, name))
  if (!added) return refused(visit, rooms, 'The passkey could not be added. Try again.')
  return afterFirstFactor(visit, rooms)
}

async function removePasskey(visit: Visit, rooms: AccountRooms): Promise<Answer> {
  await rooms.identity.passkeys.remove(visit.session.userId, visit.form.id ?? '')
  return afterLastFactor(visit, rooms)
}

async function newRecoveryCodes(visit: Visit, rooms: AccountRooms): Promise<Answer> {
  const { totp, passkeys } = await rooms.identity.factorsOf(visit.session.userId)
  if (!totp && !passkeys) return refused(visit, rooms, 'Add a passkey or an authenticator app first.')
  const codes = await rooms.identity.recoveryCodes.replace(visit.session.userId)
  const words = 'Each gets you in once when you have lost your second factor. Older codes no longer work.'
  return shownOnce({ title: 'Your recovery codes', words, secret: codes.join('\n') })
}

const KeyForm = z.object({
  name: z.string().trim().min(1, 'Give the key a name.').max(60),
  scopes: z.enum(['read', 'execute']),
  days: z.coerce.number().int().min(1).max(365),
})

async function createApiKey(visit: Visit, rooms: AccountRooms): Promise<Answer> {
  const { data, error } = KeyForm.safeParse(visit.form)
  if (!data) return refused(visit, rooms, error.issues[0]?.message ?? 'Fill in every field.')
  const { userId, workspaceId } = visit.session
  const scopes = data.scopes === 'read' ? ['read' as const] : SCOPES
  const { key } = await rooms.identity.apiKeys.create({ userId, workspaceId, name: data.name, scopes, days: data.days })
  const words =
    'Send it as "Authorization: Bearer …". Whoever has it can do what it may do; it can never approve anything.'
  return shownOnce({ title: 'Your API key', words, secret: key })
}

async function revokeApiKey({ session, form }: Visit, { identity }: AccountRooms): Promise<Answer> {
  await identity.apiKeys.revoke(session.userId, form.id ?? '')
  return done
}

async function revokeClient({ session, form }: Visit, { oauth }: AccountRooms): Promise<Answer> {
  await oauth.grants.revoke(session.userId, form.id ?? '')
  return done
}

async function endSession({ session, form }: Visit, { identity }: AccountRooms): Promise<Answer> {
  await identity.sessions.end(session.userId, form.id ?? '')
  return done
}

async function signOutEverywhere({ reply, session }: Visit, { identity, oauth }: AccountRooms): Promise<Answer> {
  await oauth.grants.revokeAll(session.userId)
  await identity.sessions.endAll(session.userId)
  return reply.header('set-cookie', identity.sessions.cookies.session.clear()).redirect('/sign-in', 303)
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
