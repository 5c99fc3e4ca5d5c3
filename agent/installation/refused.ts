// Why a release is not taken. Thrown inside fetching and staging, which end in one place, and handed on as a value there.
import type { ReleaseRefusal } from '#proto/contract/release.ts'

export type RefusalCode =
  | ReleaseRefusal
  | 'no_key' // what root believes is missing
  | 'unreachable'
  | 'web_page'
  | 'size'
  | 'cut'
  | 'signature'
  | 'form'
  | 'not_approved'
  | 'another_version'
  | 'hash'
  | 'contents'
  | 'space'

export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string) {
    super(message)
    this.code = code
  }
}

export const LIMITS_OF_RELEASE = {
  manifest: 1_048_576,
  signature: 1_024,
  /** Of one file, from the first byte to the last. */
  patienceMs: 15 * 60_000,
  /** What must stay free beside a release: the host needs its disk. */
  slack: 64 * 1_048_576,
} as const

/** What the disk says of a full disk. */
export const isFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '')
