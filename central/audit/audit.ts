// The audit log: no durable line, no action. Lines of calls that run side by side are committed in one group, so that
// durability costs one flush a group. Imported by every room that decides or does something.
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { keyIdOf } from '#proto/contract/grant.ts'
import { AuditBody, AuditEvent } from '../domain/audit.ts'
import type { Clock } from '../domain/clock.ts'
import type { AuditHead, AuditRow, AuditStore, Checkpoint } from '../storage/audit.ts'
import { type ChainFault, type ChainState, checkpointBytes, GENESIS, link, verifyLines } from './chain.ts'

const GROUP = 500
const PAGE = 5_000
const FORK_TRIES = 5

export type AuditEntry = { seq: number; at: number; hash: string; body: AuditBody }

type Waiting = { event: AuditEvent; done: () => void; failed: (error: unknown) => void }

export function createAudit(rooms: {
  store: AuditStore
  clock: Clock
  /** Ed25519; signs checkpoints. */
  checkpointKey: KeyObject
}) {
  const { store, clock, checkpointKey } = rooms
  let queue: Waiting[] = []
  let flushing = false

  /** Resolves when the line is durable; rejects when it could not be written, and then nothing may happen. */
  function append(event: AuditEvent): Promise<void> {
    return new Promise((done, failed) => {
      queue.push({ event: AuditEvent.parse(writable(event)), done, failed })
      if (!flushing) {
        flushing = true
        setImmediate(flush)
      }
    })
  }

  async function flush(): Promise<void> {
    while (queue.length > 0) {
      const group = queue.slice(0, GROUP)
      queue = queue.slice(GROUP)
      try {
        await commit(group.map((waiting) => waiting.event))
        for (const waiting of group) waiting.done()
      } catch (error) {
        for (const waiting of group) waiting.failed(error)
      }
    }
    flushing = false
  }

  /** What each chain ends with as far as we know. Another replica may have gone on; then the insert fails. */
  const heads = new Map<string, AuditHead>()

  async function commit(events: readonly AuditEvent[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const rows = await chained(events)
      try {
        await store.append(rows)
        return remember(rows)
      } catch (error) {
        heads.clear()
        // The connection broke while it was told that all is written.
        if (await isHead(rows.at(-1))) return
        // Another replica was first on this chain: take its head and try again.
        if (attempt === FORK_TRIES || !(await headMoved(rows))) throw error
      }
    }
  }

  function remember(rows: readonly AuditRow[]): void {
    for (const { workspace_id, seq, hash } of rows) heads.set(workspace_id, { seq, hash })
  }

  /** Rows are written all or none, so the last one stands for them. */
  const isHead = async (row: AuditRow | undefined): Promise<boolean> =>
    row !== undefined && (await store.head(row.workspace_id))?.hash === row.hash

  /** Whether a chain no longer ends where these rows begin. */
  async function headMoved(rows: readonly AuditRow[]): Promise<boolean> {
    for (const [workspaceId, [first]] of Map.groupBy(rows, (row) => row.workspace_id)) {
      if (((await store.head(workspaceId))?.hash ?? GENESIS) !== first?.prev_hash) return true
    }
    return false
  }

  async function chained(events: readonly AuditEvent[]): Promise<AuditRow[]> {
    const ends = new Map<string, AuditHead>()
    const rows: AuditRow[] = []
    for (const event of events) {
      const workspace = event.workspace_id
      const end = ends.get(workspace) ?? heads.get(workspace) ?? (await store.head(workspace))
      const { seq, hash } = end ?? { seq: 0, hash: GENESIS }
      const body: AuditBody = { ...event, version: 1, seq: seq + 1, at: clock.now() }
      const linked = link(hash, body)
      rows.push({
        workspace_id: workspace,
        seq: body.seq,
        at: body.at,
        server_id: event.server_id ?? null,
        call_id: event.call_id,
        ...linked,
      })
      ends.set(workspace, { seq: body.seq, hash: linked.hash })
    }
    return rows
  }

  async function list(
    workspaceId: string,
    filter: { serverId?: string; before?: number; since?: number; limit: number },
  ): Promise<AuditEntry[]> {
    const rows = await store.list(workspaceId, filter)
    return rows.map((row) => ({
      seq: row.seq,
      at: row.at,
      hash: row.hash,
      body: AuditBody.parse(JSON.parse(row.body)),
    }))
  }

  /** Signs the present head, so that cutting off the end of the chain shows. */
  async function checkpoint(workspaceId: string): Promise<Checkpoint | undefined> {
    const head = await store.head(workspaceId)
    if (!head) return
    const last = (await store.checkpoints(workspaceId)).at(-1)
    if (last?.seq === head.seq) return last
    const made: Checkpoint = {
      workspace_id: workspaceId,
      ...head,
      at: clock.now(),
      key_id: keyIdOf(checkpointKey),
      signature: sign(null, checkpointBytes({ workspace_id: workspaceId, ...head }), checkpointKey),
    }
    await store.addCheckpoint(made)
    return made
  }

  /** Walks the whole chain and checks every signed checkpoint against it. */
  async function verifyChain(workspaceId: string): Promise<Verification> {
    const checkpoints = await store.checkpoints(workspaceId)
    let state: ChainState = { seq: 0, hash: GENESIS }
    for (;;) {
      const page = await store.chain(workspaceId, state.seq, PAGE)
      const { end, fault } = verifyLines(page, state)
      const bad = fault ?? checkpointFault(checkpoints, state.seq, page, checkpointKey)
      state = end
      if (bad) return { ok: false, lines: end.seq, fault: bad }
      if (page.length < PAGE) break
    }
    const beyond = checkpoints.find((checkpoint) => checkpoint.seq > state.seq)
    if (beyond) return { ok: false, lines: state.seq, fault: { seq: beyond.seq, why: 'lines are missing' } }
    return { ok: true, lines: state.seq, head: state.hash }
  }

  /** The whole log as JSON lines, oldest first, each checkpoint behind the line it signs: what offline.ts reads. */
  async function* exportLines(workspaceId: string): AsyncGenerator<string> {
    const checkpoints = new Map((await store.checkpoints(workspaceId)).map((made) => [made.seq, made]))
    for (let after = 0; ; ) {
      const page = await store.chain(workspaceId, after, PAGE)
      for (const { seq, prev_hash, hash, body } of page) {
        yield `${JSON.stringify({ seq, prev_hash, hash, body })}\n`
        const signed = checkpoints.get(seq)
        if (signed) yield `${checkpointLine(signed)}\n`
      }
      if (page.length < PAGE) return
      after = page.at(-1)?.seq ?? after
    }
  }

  return { append, list, checkpoint, verify: verifyChain, chain: store.chain, exportLines }
}

/**
 * The event as every database and RFC 8785 can hold it: half a surrogate pair has no canonical form and PostgreSQL takes
 * no NUL, and one such line would take down the whole group it is written with.
 */
function writable(event: AuditEvent): unknown {
  const text = JSON.stringify(event)
  if (!ODD_TEXT.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_key, value) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value,
  )
}

/** How JSON.stringify writes half a surrogate pair and NUL (ECMA-262, QuoteJSONString). */
const ODD_TEXT = /\\u(d[89a-f]|0000)/

export type Audit = ReturnType<typeof createAudit>

export type Verification =
  | { ok: true; lines: number; head: string }
  | { ok: false; lines: number; fault: ChainFault | { seq: number; why: 'lines are missing' | 'bad checkpoint' } }

const checkpointLine = ({ workspace_id, seq, hash, at, key_id, signature }: Checkpoint): string =>
  JSON.stringify({
    checkpoint: { workspace_id, seq, hash, at, key_id, signature: Buffer.from(signature).toString('base64') },
  })

function checkpointFault(checkpoints: readonly Checkpoint[], after: number, page: readonly AuditRow[], key: KeyObject) {
  const end = after + page.length
  for (const checkpoint of checkpoints) {
    if (checkpoint.seq <= after || checkpoint.seq > end) continue
    const line = page[checkpoint.seq - after - 1]
    const holds =
      line?.hash === checkpoint.hash &&
      verify(null, checkpointBytes(checkpoint), createPublicKey(key), checkpoint.signature)
    if (!holds) return { seq: checkpoint.seq, why: 'bad checkpoint' as const }
  }
}
