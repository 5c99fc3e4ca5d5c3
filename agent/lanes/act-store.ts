// What the act lane remembers, in a directory that only it writes: spent nonces, outcomes and kept output. The order of
// the writes is what makes a run happen at most once, so each is on disk before the next step is taken.
import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  createReadStream,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Grant, sha256 } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { createOnce, makePrivateDirectory, readIfThere, removeFile, replaceFile } from '../files/durable-file.ts'
import type { ProcessIdentity } from '../process/process-table.ts'
import type { Outcome } from './words.ts'

/** `lane` runs it, or ran it; null: burned, so that it never runs. `startBefore` tells how long it must be remembered. */
export type Taken = { actionId: string; lane: ProcessIdentity | null; startBefore: number }

export type ActStore = ReturnType<typeof createActStore>

export function createActStore({ directory }: { directory: string }) {
  makePrivateDirectory(directory)
  const file = (grant: Pick<Grant, 'action_id'>, kind: 'taken' | 'spool' | 'outcome' | 'forgotten'): string =>
    join(directory, `${sha256(grant.action_id)}.${kind}`)
  const nonceFile = (nonce: string): string => join(directory, `${sha256(nonce)}.nonce`)
  const approvalFile = (statement: string): string => join(directory, `${sha256(statement)}.approval`)
  /** By what was signed and with its own end: nothing that Central says anew, settles or has forgotten reaches it. */
  const spend = ({ approval }: Grant): boolean =>
    approval === undefined ||
    createOnce(approvalFile(approval.statement), String(JSON.parse(approval.statement).not_after))
  const record = (grant: Grant, lane: ProcessIdentity | null): string =>
    JSON.stringify({ actionId: grant.action_id, lane, startBefore: grant.start_before } satisfies Taken)
  const parsed = <T>(path: string): T | undefined => {
    const bytes = readIfThere(path)
    return bytes && (JSON.parse(bytes.toString('utf8')) as T)
  }

  const signedMode = join(directory, 'signed-mode')

  return {
    /** That the host's owner wants signatures, until the owner says otherwise. */
    wasSigned: (): boolean => existsSync(signedMode),
    rememberApprovals({ signed, stated }: { signed: boolean; stated: boolean }): void {
      if (signed && !existsSync(signedMode)) createOnce(signedMode, '')
      if (stated && !signed && existsSync(signedMode)) removeFile(signedMode)
    },

    /** Spends nonce, approval and action, durably. False when one of them was spent before: nothing may start then. */
    take(grant: Grant, lane: ProcessIdentity): boolean {
      return (
        createOnce(nonceFile(grant.nonce), grant.action_id) &&
        spend(grant) &&
        createOnce(file(grant, 'taken'), record(grant, lane))
      )
    },
    /** Spends an action so that it can never start. False when it was spent before. */
    burn(grant: Grant): boolean {
      return createOnce(file(grant, 'taken'), record(grant, null))
    },
    taken: (grant: Grant): Taken | undefined => parsed<Taken>(file(grant, 'taken')),
    outcome: (grant: Grant): Outcome | undefined => parsed<Outcome>(file(grant, 'outcome')),
    writeOutcome: (grant: Grant, outcome: Outcome): void =>
      replaceFile(file(grant, 'outcome'), JSON.stringify(outcome)),

    /** Appends output from its beginning, up to `most` bytes; `write` says whether the bytes were kept. */
    openSpool(grant: Grant, most: number) {
      const fd = openSync(file(grant, 'spool'), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
      return {
        write(offset: number, data: Buffer): boolean {
          if (offset + data.length > most) return false
          try {
            for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, data.length - at, offset + at)
            return true
          } catch {
            return false // a full disk: the rest of the output is still counted
          }
        },
        close: () => closeSync(fd),
      }
    },
    /** Nothing where nothing can be: Central names the offset. */
    readSpool: (grant: Grant, from: number): AsyncIterable<Buffer> => {
      const path = file(grant, 'spool')
      return Number.isSafeInteger(from) && from >= 0 && existsSync(path)
        ? createReadStream(path, { start: from, highWaterMark: 65_536 })
        : (async function* () {})()
    },
    /** Length and SHA-256 of what is in the spool. */
    async measureSpool(grant: Grant): Promise<{ bytes: number; hash: string }> {
      const hash = createHash('sha256')
      let bytes = 0
      for await (const chunk of this.readSpool(grant, 0)) {
        hash.update(chunk)
        bytes += chunk.length
      }
      return { bytes, hash: hash.digest('hex') }
    },

    /** The outcome has been stored elsewhere: output and outcome go, the spent nonce stays until it can mean nothing. */
    forget(grant: Pick<Grant, 'action_id' | 'nonce'>): void {
      if (!existsSync(file(grant, 'taken'))) return
      const forgotten = { ...parsed<Taken>(file(grant, 'taken')), nonce: grant.nonce }
      createOnce(file(grant, 'forgotten'), JSON.stringify(forgotten))
      for (const kind of ['spool', 'outcome'] as const) removeFile(file(grant, kind))
    },
    /** Removes what is too old to be replayed: approvals, and what was forgotten. */
    prune(now: number): void {
      for (const name of readdirSync(directory).filter((name) => name.endsWith('.approval'))) {
        const notAfter = Number(readIfThere(join(directory, name)) ?? Number.NaN)
        if (notAfter + LIMITS.grantRemembered < now) removeFile(join(directory, name))
      }
      for (const name of readdirSync(directory).filter((name) => name.endsWith('.forgotten'))) {
        const { actionId, startBefore, nonce } = JSON.parse(readFileSync(join(directory, name), 'utf8'))
        if (startBefore + LIMITS.grantRemembered > now) continue
        for (const path of [nonceFile(nonce), file({ action_id: actionId }, 'taken'), join(directory, name)])
          removeFile(path)
      }
    },
  }
}
