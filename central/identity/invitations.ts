// Members by invitation: an owner, or the administrator's command line, names an address and a role; whoever has the
// link sets a password and is that member. The link decides neither address nor role, and it never makes an owner: that
// is what an owner makes of a member.
import type { Clock } from '../domain/clock.ts'
import { createId } from '../domain/ids.ts'
import { ROLES, type Role } from '../domain/principal.ts'
import type { Invitation, InvitationsStore } from '../storage/invitations.ts'
import type { UsersStore } from '../storage/users.ts'
import { type Account, type AccountRefused, Email, TAKEN } from './accounts.ts'
import { digest, randomToken } from './keyring.ts'
import { hashPassword, passwordProblem } from './password.ts'
import type { Throttle } from './throttle.ts'

const LIFE = 24 * 3_600_000
/** How long a link that has ended can still say what became of it. */
const REMEMBERED = 30 * 24 * 3_600_000

export const INVITED_ROLES: readonly Role[] = ROLES.filter((role) => role !== 'owner')

export type Invite = { email: string; role: string }

/** For the audit log: without its line nobody joins. */
export type OnJoining = (account: Account, invitation: Invitation) => Promise<void>

type Rooms = {
  store: InvitationsStore
  users: UsersStore
  throttle: Throttle
  clock: Clock
  publicUrl: string
  onJoining: OnJoining
}

export type Invitations = ReturnType<typeof createInvitations>

const DEAD: Record<Exclude<Invitation['state'], 'open'>, string> = {
  used: 'This invitation has been used. If it was you, sign in.',
  expired: 'This invitation has expired. Ask for a new one.',
  withdrawn: 'This invitation was withdrawn. Ask for a new one.',
}

export function createInvitations(rooms: Rooms) {
  const { store, users, throttle, clock, publicUrl, onJoining } = rooms

  /** Why this person cannot be invited; undefined when they can. */
  async function problemWith({ email, role }: Invite): Promise<AccountRefused | undefined> {
    if (!Email.safeParse(email).success) return { refused: 'email', why: 'This is not an e-mail address.' }
    if (!INVITED_ROLES.some((known) => known === role)) {
      const why = `A person is invited as ${INVITED_ROLES.join(', ')}; an owner can change the role afterwards.`
      return { refused: 'role', why }
    }
    return (await users.findByEmail(email)) ? TAKEN : undefined
  }

  /** The invitation that a token opens, while it can be used. A right token gives the attempt back. */
  async function look(token: string, address: string): Promise<Invitation | AccountRefused> {
    const admission = await throttle.admit(['setup', address])
    if (!admission.admitted) return { refused: 'throttled', why: 'Too many attempts. Wait a little.' }
    const found = await store.find(digest(token), clock.now())
    if (!found) return { refused: 'link', why: 'This link is not known here, or is incomplete.' }
    await throttle.refund('setup', address)
    return found.state === 'open' ? found : { refused: 'link', why: DEAD[found.state] }
  }

  return {
    problemWith,
    look,

    /** The link is in the answer and nowhere else; its token stands behind the #, so it reaches no log and no Referer. */
    async invite(
      wish: Invite & { workspaceId: string; invitedBy: string | null },
    ): Promise<{ link: string; email: string; role: Role; expiresAt: number } | AccountRefused> {
      const problem = await problemWith(wish)
      const role = INVITED_ROLES.find((known) => known === wish.role)
      if (problem || !role) return problem ?? TAKEN
      const token = randomToken()
      const email = wish.email.toLowerCase()
      const expiresAt = clock.now() + LIFE
      await store.add({
        id: createId('invitation'),
        hash: digest(token),
        workspace_id: wish.workspaceId,
        email,
        role,
        invited_by: wish.invitedBy,
        created_at: clock.now(),
        expires_at: expiresAt,
      })
      return { link: `${publicUrl}/join#${token}`, email, role, expiresAt }
    },

    /** Makes the member. The link is used up by success alone, so that a weak password does not cost it. */
    async join(wish: { token: string; password: string; address: string }): Promise<Account | AccountRefused> {
      const invitation = await look(wish.token, wish.address)
      if ('refused' in invitation) return invitation
      const { email, workspaceId, role } = invitation
      const why = passwordProblem(wish.password, email)
      if (why !== undefined) return { refused: 'password', why }
      const account: Account = { id: createId('user'), email, workspaceId, role }
      const password_hash = await hashPassword(wish.password)
      await onJoining(account, invitation)
      const now = clock.now()
      const user = { id: account.id, password_hash, disabled_at: null, created_at: now }
      const became = await store.accept(digest(wish.token), user, now)
      if (became === 'joined') return account
      return became === 'taken' ? TAKEN : { refused: 'link', why: DEAD.used }
    },

    open: (workspaceId: string): Promise<Invitation[]> => store.open(workspaceId, clock.now()),

    /** `false`: it could not be used any more, or is none of this workspace. */
    withdraw: (workspaceId: string, id: string): Promise<boolean> => store.withdraw(workspaceId, id, clock.now()),

    prune: (): Promise<void> => store.prune(clock.now() - REMEMBERED),
  }
}
