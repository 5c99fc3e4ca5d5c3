// The person's phone.
import { TOTP } from 'otpauth'

/** The code of the time step that `at` (Unix ms) is in. */
export const codeAt = (secret: string, at: number): string => new TOTP({ secret }).generate({ timestamp: at })
