// The hash chain. hash(n) = SHA-256(hash(n-1) "\n" body(n)), body in RFC 8785 form, hash(0) = 64 zeros.
// Verification needs nothing but the lines, so that it also works offline on an export.
import { canonicalBytes, sha256 } from '#proto/contract/grant.ts'
import type { AuditBody } from '../domain/audit.ts'

export const GENESIS = '0'.repeat(64)

export type ChainLine = { seq: number; prev_hash: string; hash: string; body: string }

export const chainHash = (prevHash: string, body: string): string => sha256(`${prevHash}\n${body}`)

export function link(prevHash: string, body: AuditBody): { body: string; prev_hash: string; hash: string } {
  const text = canonicalBytes(body).toString('utf8')
  return { body: text, prev_hash: prevHash, hash: chainHash(prevHash, text) }
}

export type ChainFault = { seq: number; why: 'gap' | 'broken link' | 'changed body' | 'wrong sequence in body' }

export type ChainState = { seq: number; hash: string }

/** Checks that `line` follows `state`; undefined when it does. */
export function faultOf(state: ChainState, line: ChainLine): ChainFault | undefined {
  if (line.seq !== state.seq + 1) return { seq: line.seq, why: 'gap' }
  if (line.prev_hash !== state.hash) return { seq: line.seq, why: 'broken link' }
  if (chainHash(line.prev_hash, line.body) !== line.hash) return { seq: line.seq, why: 'changed body' }
  if ((JSON.parse(line.body) as { seq?: unknown }).seq !== line.seq)
    return { seq: line.seq, why: 'wrong sequence in body' }
}

/** Follows lines from `start` (default: the beginning) and says how far the chain holds. */
export function verifyLines(
  lines: Iterable<ChainLine>,
  start: ChainState = { seq: 0, hash: GENESIS },
): { end: ChainState; fault?: ChainFault } {
  let state = start
  for (const line of lines) {
    const fault = faultOf(state, line)
    if (fault) return { end: state, fault }
    state = { seq: line.seq, hash: line.hash }
  }
  return { end: state }
}

/** What a checkpoint signs. */
export const checkpointBytes = (head: { workspace_id: string; seq: number; hash: string }): Buffer =>
  canonicalBytes({ workspace_id: head.workspace_id, seq: head.seq, hash: head.hash })
