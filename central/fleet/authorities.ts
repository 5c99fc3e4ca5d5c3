// The authorities that are believed, as files beside Central's other keys: ca.pem issues; while it is being replaced there is
// also ca-next.pem, which agents are told of before it issues, or ca-old.pem, whose certificates count until it is retired.
// Every step is durable and whole: one new file, one rename, one removal. Imported by keys.ts and the administrator's commands.
import { X509Certificate } from 'node:crypto'
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '#proto/contract/grant.ts'
import type { Clock } from '../domain/clock.ts'
import { createAuthority, openCa } from './ca.ts'
import { filesIn, syncDirectory, writeDurably } from './durable-file.ts'
import { readPrivate, splitPem } from './key-files.ts'

/** In the order in which agents are told of them: what comes first issues. */
export const AUTHORITY_FILES = { issuing: 'ca.pem', next: 'ca-next.pem', old: 'ca-old.pem' } as const
export type AuthorityState = keyof typeof AUTHORITY_FILES
export const STATES = Object.keys(AUTHORITY_FILES) as AuthorityState[]

export type Authority = { state: AuthorityState; certificatePem: string; fingerprint: string; notAfter: number }

export const STEPS = ['prepare', 'switch', 'retire'] as const
export type Step = (typeof STEPS)[number]

/** The one step that can be taken now: a replacement goes round in three. */
export const stepAfter = (authorities: readonly Pick<Authority, 'state'>[]): Step => {
  const there = (state: AuthorityState) => authorities.some((authority) => authority.state === state)
  return there('old') ? 'retire' : there('next') ? 'switch' : 'prepare'
}

/** What agents are to believe: one PEM after the other, the issuing one first. */
export const bundleOf = (authorities: readonly Authority[]): string =>
  authorities.map(({ certificatePem }) => `${certificatePem.trim()}\n`).join('')

/** Completes a switch that was interrupted, and reads what there is. @throws KeysFault */
export function readAuthorities(dir: string): Authority[] {
  completeSwitch(dir)
  return read(dir)
}

function read(dir: string): Authority[] {
  const names = filesIn(dir) ?? []
  return STATES.filter((state) => names.includes(AUTHORITY_FILES[state])).map((state) => {
    const text = readPrivate(dir, AUTHORITY_FILES[state])
    const certificatePem = state === 'old' ? text : splitPem(text).certificatePem
    const certificate = new X509Certificate(certificatePem)
    const fingerprint = sha256(new Uint8Array(certificate.raw))
    return { state, certificatePem, fingerprint, notAfter: certificate.validToDate.getTime() }
  })
}

/** The files of each step. Whether it may be taken is asked before: see rotation.ts. */
export const STEP_FILES: Readonly<Record<Step, (dir: string, clock: Clock) => Promise<void>>> = {
  async prepare(dir, clock) {
    const { keyPem, certificatePem } = await createAuthority(clock)
    writeDurably(join(dir, AUTHORITY_FILES.next), keyPem + certificatePem)
  },

  /** The old key ends here: nothing is issued under it any more, and nobody can. */
  async switch(dir, clock) {
    await openCa(splitPem(readPrivate(dir, AUTHORITY_FILES.next)), clock)
    const { certificatePem } = splitPem(readPrivate(dir, AUTHORITY_FILES.issuing))
    writeDurably(join(dir, AUTHORITY_FILES.old), certificatePem)
    completeSwitch(dir)
  },

  async retire(dir) {
    rmSync(join(dir, AUTHORITY_FILES.old))
    syncDirectory(dir)
  },
}

/** A switch has begun when the old one is the one that issues. Without a next one it is void. */
function completeSwitch(dir: string): void {
  const found = new Map(read(dir).map((authority) => [authority.state, authority]))
  const old = found.get('old')
  if (!old || old.fingerprint !== found.get('issuing')?.fingerprint) return
  if (found.has('next')) renameSync(join(dir, AUTHORITY_FILES.next), join(dir, AUTHORITY_FILES.issuing))
  else rmSync(join(dir, AUTHORITY_FILES.old))
  syncDirectory(dir)
}
