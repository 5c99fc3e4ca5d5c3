// People: who they are, how they prove it, and for how long that is believed. Knows passwords, second factors, console
// sessions, the set-up link and API keys; knows no HTML and no route. Imported by oauth, the console's pages, the
// administrator's command line and app.ts.
import type { Logger } from 'pino'
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import type { ApiKeysStore } from '../storage/api-keys.ts'
import type { AttemptsStore } from '../storage/attempts.ts'
import type { OneTimeStore } from '../storage/one-time.ts'
import type { SecondFactorsStore } from '../storage/second-factors.ts'
import type { SessionsStore } from '../storage/sessions.ts'
import type { UsersStore } from '../storage/users.ts'
import { type Account, createAccounts } from './accounts.ts'
import { createApiKeys } from './api-keys.ts'
import { createKeyring } from './keyring.ts'
import { createPasskeys } from './passkeys.ts'
import { createProofs } from './proof.ts'
import { createRecoveryCodes } from './recovery-codes.ts'
import { createSessions, type HasHeaders } from './sessions.ts'
import { createSignIn, type OnSignedIn } from './sign-in.ts'
import { createThrottle } from './throttle.ts'
import { createTotp } from './totp.ts'

export type { Account, AccountRefused } from './accounts.ts'
export type { ApiKeyView } from './api-keys.ts'
export { type Evidence, evidenceFrom, type Factors, type ProofKind, type ProofRefused } from './proof.ts'
export type { SessionEntry, SessionView } from './sessions.ts'
export type { Door, SignIn } from './sign-in.ts'

export type IdentityRooms = {
  store: {
    users: UsersStore
    secondFactors: SecondFactorsStore
    sessions: SessionsStore
    oneTime: OneTimeStore
    attempts: AttemptsStore
    apiKeys: ApiKeysStore
  }
  bus: Bus
  clock: Clock
  log: Logger
  publicUrl: string
  /** 32 random bytes that only Central has; seals TOTP secrets and derives the keys of forms and cookies. */
  dataKey: Buffer
  /** The id of the workspace that the first owner gets; made when there is none. */
  firstWorkspace: () => Promise<string>
  onSignedIn?: OnSignedIn
  onCreated?: (account: Account) => Promise<void>
}

export type Identity = ReturnType<typeof createIdentity>

export function createIdentity(rooms: IdentityRooms) {
  const {
    store,
    bus,
    clock,
    log,
    publicUrl,
    firstWorkspace,
    onSignedIn = async () => {},
    onCreated = async () => {},
  } = rooms
  const { users, oneTime } = store
  const keyring = createKeyring(rooms.dataKey)
  const throttle = createThrottle({ store: store.attempts, clock })
  const totp = createTotp({ store: store.secondFactors.totp, keyring, clock })
  const recoveryCodes = createRecoveryCodes({ store: store.secondFactors.recoveryCodes, clock })
  const passkeys = createPasskeys({ store: store.secondFactors.passkeys, oneTime, clock, publicUrl })
  const proofs = createProofs({ totp, passkeys, recoveryCodes, throttle })
  const sessions = createSessions({ store: store.sessions, keyring, clock, publicUrl })

  return {
    sessionOf: (request: HasHeaders) => sessions.of(request),
    sessions,
    signIn: createSignIn({ users, oneTime, throttle, proofs, passkeys, sessions, clock, log, onSignedIn }),
    accounts: createAccounts({
      users,
      oneTime,
      sessions,
      totp,
      throttle,
      bus,
      clock,
      publicUrl,
      firstWorkspace,
      onCreated,
    }),
    apiKeys: createApiKeys({ store: store.apiKeys, bus, clock }),
    totp,
    passkeys,
    recoveryCodes,
    factorsOf: proofs.factorsOf,
    proveFresh: proofs.proveFresh,
    passkeyOptions: proofs.passkeyOptions,
    keyring,

    /** Removes what ended by itself. Called now and then. */
    async prune(): Promise<void> {
      await sessions.prune()
      await oneTime.prune(clock.now())
      await store.attempts.prune(clock.now())
    },
  }
}
