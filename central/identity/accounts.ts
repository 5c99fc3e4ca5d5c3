// How accounts come to be: the owner by a one-time set-up link or the administrator's command line, others by an
// owner. No account exists before somebody makes it, and no password is ever a default.
import { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import { createId } from '../domain/ids.ts'
import type { Role } from '../domain/principal.ts'
import type { OneTimeStore } from '../storage/one-time.ts'
import type { UsersStore } from '../storage/users.ts'
import { digest, randomToken } from './keyring.ts'
import { hashPassword, passwordProblem, verifyPassword } from './password.ts'
import type { Sessions } from './sessions.ts'
import type { Throttle } from './throttle.ts'
import type { Totp } from './totp.ts'

const LINK_LIFE = 24 * 3_600_000
const LINK = 'set-up'

export const Email = z.email().max(254)

export type Account = { id: string; email: string; workspaceId: string; role: Role }
export type AccountRefused = {
  refused: 'email' | 'role' | 'password' | 'taken' | 'owner_exists' | 'link' | 'throttled'
  why: string
}

export const TAKEN: AccountRefused = { refused: 'taken', why: 'There is an account with this e-mail address.' }

type Rooms = {
  users: UsersStore
  oneTime: OneTimeStore
  sessions: Sessions
  totp: Totp
  throttle: Throttle
  bus: Bus
  clock: Clock
  publicUrl: string
  /** The workspace that the first owner gets; made when there is none. */
  firstWorkspace: () => Promise<string>
  /** For the audit log: without its line no account is made. */
  onCreating: (account: Account) => Promise<void>
}

export type Accounts = ReturnType<typeof createAccounts>

export function createAccounts(rooms: Rooms) {
  const { users, oneTime, sessions, totp, throttle, bus, clock, publicUrl, firstWorkspace, onCreating } = rooms

  const problemWith = (email: string, password: string): AccountRefused | undefined => {
    if (!Email.safeParse(email).success) return { refused: 'email', why: 'This is not an e-mail address.' }
    const why = passwordProblem(password, email)
    return why === undefined ? undefined : { refused: 'password', why }
  }

  async function clashOf(email: string, only: { firstOwner: boolean }): Promise<AccountRefused | undefined> {
    if (only.firstOwner && (await users.ownerExists()))
      return { refused: 'owner_exists', why: 'This Central has an owner already.' }
    return (await users.findByEmail(email)) && TAKEN
  }

  async function create(
    wish: { email: string; password: string; role: Role; workspaceId: string },
    only = { firstOwner: false },
  ): Promise<Account | AccountRefused> {
    const problem = problemWith(wish.email, wish.password) ?? (await clashOf(wish.email, only))
    if (problem) return problem
    const user = {
      id: createId('user'),
      email: wish.email.toLowerCase(),
      password_hash: await hashPassword(wish.password),
      disabled_at: null,
      created_at: clock.now(),
    }
    const { workspaceId, role } = wish
    const account = { id: user.id, email: user.email, workspaceId, role }
    await onCreating(account)
    // Somebody may have been faster.
    return (await users.create(user, { workspaceId, role }, only))
      ? account
      : ((await clashOf(wish.email, only)) ?? TAKEN)
  }

  const createFirstOwner = async (email: string, password: string) =>
    create({ email, password, role: 'owner', workspaceId: await firstWorkspace() }, { firstOwner: true })

  return {
    ownerExists: (): Promise<boolean> => users.ownerExists(),

    /**
     * A link for whoever sets this Central up; older links stop working. The token stands behind the #, so it reaches
     * no log and no Referer. undefined: there is an owner.
     */
    async createSetupLink(): Promise<string | undefined> {
      if (await users.ownerExists()) return undefined
      const token = randomToken()
      await oneTime.removeAll(LINK)
      const expiresAt = clock.now() + LINK_LIFE
      await oneTime.add(digest(token), { purpose: LINK, userId: null, payload: {}, expiresAt })
      return `${publicUrl}/setup#${token}`
    },

    /** Makes the owner. The link is used up by success alone, so that a weak password does not cost it. */
    async setUp(wish: { token: string; email: string; password: string; address: string }) {
      const dead: AccountRefused = {
        refused: 'link',
        why: 'This link has been used or replaced, has expired, or is incomplete. “npm run admin -- setup-link” makes a new one.',
      }
      const admission = await throttle.admit(['setup', wish.address])
      if (!admission.admitted) return { refused: 'throttled', why: 'Too many attempts. Wait a little.' } as const
      if (!(await oneTime.peek(digest(wish.token), LINK, clock.now()))) return dead
      const problem = problemWith(wish.email, wish.password)
      if (problem) return problem
      if (!(await oneTime.take(digest(wish.token), LINK, clock.now()))) return dead
      return createFirstOwner(wish.email, wish.password)
    },

    /** For the administrator's command line. With `totp` the secret is in force at once and part of the answer. */
    async createOwner(wish: {
      email: string
      password: string
      totp: boolean
    }): Promise<(Account & { totp?: { secret: string; uri: string } }) | AccountRefused> {
      const account = await createFirstOwner(wish.email, wish.password)
      if ('refused' in account) return account
      await oneTime.removeAll(LINK)
      const enrolment = wish.totp ? await totp.begin(account.id, account.email, { confirmed: true }) : undefined
      return enrolment ? { ...account, totp: enrolment } : account
    },

    createUser: (wish: { email: string; password: string; role: Role; workspaceId: string }) => create(wish),

    async find(email: string): Promise<Account | undefined> {
      const user = await users.findByEmail(email)
      const membership = user && (await users.membership(user.id))
      return user && membership && { id: user.id, email: user.email, ...membership }
    },

    /** Whether the person may still act; what the authorization server asks before it issues anything. */
    async isEnabled(userId: string): Promise<boolean> {
      const user = await users.get(userId)
      return user !== undefined && user.disabled_at === null
    },

    /** Other sessions end with the old password. undefined: done. */
    async changePassword(
      session: { id: string; userId: string },
      old: string,
      fresh: string,
    ): Promise<AccountRefused | undefined> {
      const user = await users.get(session.userId)
      if (!user) return { refused: 'password', why: 'The account is gone.' }
      const admission = await throttle.admit(['account', user.email])
      if (!admission.admitted) return { refused: 'throttled', why: 'Too many attempts. Wait a little.' }
      if (!(await verifyPassword(old, user.password_hash))) {
        return { refused: 'password', why: 'The present password is not right.' }
      }
      await throttle.succeeded('account', user.email)
      const problem = problemWith(user.email, fresh)
      if (problem) return problem
      await users.setPassword(user.id, await hashPassword(fresh))
      await sessions.endAll(user.id, session.id)
    },

    /**
     * A disabled person's sessions end, and their tokens and keys are refused from now on. `false`: the last owner of a
     * workspace stays.
     */
    async setDisabled(userId: string, disabled: boolean): Promise<boolean> {
      if (!(await users.setDisabled(userId, disabled ? clock.now() : null))) return false
      if (disabled) await sessions.endAll(userId)
      bus.publish('user_disabled', { user_id: userId })
      return true
    },
  }
}
