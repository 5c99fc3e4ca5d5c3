// The check of an exported audit log on any machine: it needs the export and, for the checkpoints, Central's public key.
import { type KeyObject, verify } from 'node:crypto'
import { z } from 'zod'
import { type ChainFault, type ChainState, checkpointBytes, faultOf, GENESIS } from './chain.ts'

const Line = z.object({ seq: z.number().int(), prev_hash: z.string(), hash: z.string(), body: z.string() })
const Checkpoint = z.object({
  checkpoint: z.object({ workspace_id: z.string(), seq: z.number().int(), hash: z.string(), signature: z.base64() }),
})

export type OfflineResult =
  | { ok: true; lines: number; head: string; checkpoints: number }
  | { ok: false; lines: number; fault: ChainFault | { seq: number; why: 'bad checkpoint' | 'not a line' } }

/** Follows an export (JSON lines, oldest first; a checkpoint stands behind the line that it signs). */
export async function verifyExport(lines: AsyncIterable<string>, key: KeyObject): Promise<OfflineResult> {
  let state: ChainState = { seq: 0, hash: GENESIS }
  let checkpoints = 0
  for await (const text of lines) {
    if (text.trim() === '') continue
    const parsed = parse(text)
    if (!parsed) return { ok: false, lines: state.seq, fault: { seq: state.seq + 1, why: 'not a line' } }
    if ('checkpoint' in parsed) {
      if (!holds(parsed.checkpoint, state, key)) {
        return { ok: false, lines: state.seq, fault: { seq: parsed.checkpoint.seq, why: 'bad checkpoint' } }
      }
      checkpoints += 1
      continue
    }
    const fault = faultOf(state, parsed)
    if (fault) return { ok: false, lines: state.seq, fault }
    state = { seq: parsed.seq, hash: parsed.hash }
  }
  return { ok: true, lines: state.seq, head: state.hash, checkpoints }
}

function parse(text: string) {
  try {
    return z.union([Checkpoint, Line]).safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function holds(checkpoint: z.infer<typeof Checkpoint>['checkpoint'], state: ChainState, key: KeyObject): boolean {
  const at = checkpoint.seq === state.seq && checkpoint.hash === state.hash
  return at && verify(null, checkpointBytes(checkpoint), key, Buffer.from(checkpoint.signature, 'base64'))
}
