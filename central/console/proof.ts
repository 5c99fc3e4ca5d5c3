// The second factor in a form: a one-time code, or a passkey where the browser runs scripts. Used wherever a person must
// prove to be there.
import { html } from 'ghtml'
import { CatalogueError, type ErrorCode } from '#proto/contract/errors.ts'
import { evidenceFrom, type Factors } from '../identity/proof.ts'
import type { Answer, Visit } from './door.ts'
import type { ConsoleRooms } from './rooms.ts'

/** What went wrong with a proof, said beside the field. */
export const REFUSED: Partial<Record<ErrorCode, string>> = {
  TWO_FACTOR_REQUIRED: 'Enter a one-time code, or use a passkey.',
  TWO_FACTOR_INVALID:
    'That did not work: the code or passkey was wrong, too old, or already used. Wait for the next code.',
  RATE_LIMITED: 'Too many wrong attempts. Wait a few minutes.',
}

export const hasFactor = (factors: Factors): boolean => factors.totp || factors.passkeys

export const needsFactor = (toDoWhat: string): string =>
  html`<div class="notice warn stack tight"><p><strong>You have no second factor yet.</strong></p><p>To ${toDoWhat}, you need a passkey or an authenticator app. <a href="/account">Set one up on your account page</a>, then come back.</p></div>`

/**
 * The fields and buttons of a proof, to stand inside a form. `challengeUrl` answers POST with passkey options; the
 * script approve.js fills the field `passkey` and sends the form.
 */
export function proofFields(
  factors: Factors,
  options: { submit: string; challengeUrl: string; error?: string | undefined },
): string {
  const { submit, challengeUrl, error } = options
  const passkey = factors.passkeys
  const described = error ? 'aria-invalid="true" aria-describedby="code-error"' : ''
  const problem = error ? html`<p class="error" id="code-error" role="alert">${error}</p>` : ''
  const code = html`<div class="field"><label for="code">One-time code</label><input id="code" name="code" class="code-input" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]{6,7}" maxlength="7" title="The six digits that your authenticator app shows" !${passkey ? '' : 'required'} !${described}><p class="hint">From your authenticator app. Each code works once.</p></div>`
  return html`!${problem}!${
    passkey
      ? html`<input type="hidden" name="passkey"><button type="button" class="button primary needs-script" data-passkey="${challengeUrl}">${submit} with a passkey</button><p class="error" data-passkey-error role="alert" hidden></p>`
      : ''
  }!${passkey && factors.totp ? '<p class="or needs-script">or</p>' : ''}!${factors.totp ? code : ''}!${
    factors.totp
      ? html`<button class="button ${passkey ? '' : 'primary'}">${submit}${passkey ? ' with a code' : ''}</button>`
      : html`<p class="hint needs-no-script">Your passkey needs scripts; allow them for this page.</p>`
  }`
}

/**
 * Checks the proof in a form. Throws TWO_FACTOR_REQUIRED where there is none, else what identity refuses with. A recovery
 * code is for getting back in, and proves nothing here.
 */
export async function proofIn(visit: Visit, { identity }: ConsoleRooms, purpose: string): Promise<'totp' | 'passkey'> {
  const evidence = evidenceFrom(visit.form)
  if (!evidence) throw new CatalogueError('TWO_FACTOR_REQUIRED')
  if (evidence.kind === 'recovery') throw new CatalogueError('TWO_FACTOR_INVALID')
  const result = await identity.proveFresh(visit.session, purpose, evidence)
  if (typeof result === 'object') throw new CatalogueError(result.refused)
  return evidence.kind
}

/** Passkey options for `purpose`, as the browser's answer to them will be checked. */
export async function challengeFor({ session }: Visit, { identity }: ConsoleRooms, purpose: string): Promise<Answer> {
  const options = await identity.passkeyOptions(session, purpose)
  if (!options) throw new CatalogueError('TWO_FACTOR_REQUIRED', { why: 'You have no passkey.' })
  return { json: options }
}
