// Line 11: how fast the audit log is verified, and how much of a client's context the list of tools takes.
import { createHash, generateKeyPairSync } from 'node:crypto'
import { createAudit } from '../../central/audit/audit.ts'
import { type ChainState, GENESIS, link } from '../../central/audit/chain.ts'
import { listTool } from '../../central/mcp/list-tool.ts'
import { type AuditRow, createAuditStore } from '../../central/storage/audit.ts'
import { openDatabase } from '../../central/storage/database.ts'
import { catalog } from '../../central/tools/catalog.ts'
import { works } from '../../central/tools/define.ts'
import { cpuSeconds, judged, type Line } from './measure.ts'

const LINES = 30_000
const ROUNDS = 5
const workspace_id = 'wsp_bench'
const actor = {
  credential: 'oauth',
  user_id: 'usr_1',
  email: 'anna@example.org',
  client_id: 'c',
  client_name: 'Client',
  grant_id: 'g',
  source: 'mcp',
}

function chainOf(count: number): AuditRow[] {
  const rows: AuditRow[] = []
  let { seq, hash }: ChainState = { seq: 0, hash: GENESIS }
  while (seq < count) {
    seq++
    const call_id = `req_${seq}`
    const event = {
      event: 'call.opened' as const,
      workspace_id,
      call_id,
      actor,
      tool: 'mttrly_execute_command',
      resource: 'command:uptime',
      verdict: 'allow',
    }
    const linked = link(hash, { ...event, version: 1, seq, at: 1_800_000_000_000 + seq })
    rows.push({ workspace_id, seq, at: 1_800_000_000_000 + seq, server_id: null, call_id, ...linked })
    hash = linked.hash
  }
  return rows
}

/** The hashes alone: what no verification can do without. */
function hashAll(rows: readonly AuditRow[]): void {
  for (const { prev_hash, body } of rows) createHash('sha256').update(`${prev_hash}\n${body}`).digest('hex')
}

async function verifyRates(): Promise<{ floor: number[]; ours: number[] }> {
  const clock = { now: () => Date.now() }
  const db = await openDatabase({ url: 'sqlite::memory:', clock })
  const store = createAuditStore(db)
  const rows = chainOf(LINES)
  await store.append(rows)
  const { privateKey } = generateKeyPairSync('ed25519')
  const audit = createAudit({ store, clock, checkpointKey: privateKey })
  const rates = { floor: [] as number[], ours: [] as number[] }
  for (let round = -1; round < ROUNDS; round++) {
    const floor = await cpuSeconds(async () => hashAll(rows))
    const ours = await cpuSeconds(async () => {
      const { ok } = await audit.verify(workspace_id)
      if (!ok) throw new Error('the chain does not hold')
    })
    if (round < 0) continue
    rates.floor.push(LINES / floor)
    rates.ours.push(LINES / ours)
  }
  await db.close()
  return rates
}

export async function auditAndList(): Promise<Line> {
  const { floor, ours } = await verifyRates()
  const tools = catalog.filter(works)
  const listed = Buffer.byteLength(JSON.stringify({ tools: tools.map(listTool) })) / 1024
  return {
    title: '11. Audit verification, and the list of tools',
    notes: [
      `${LINES.toLocaleString('en')} lines read from the database and checked; rates are per second of CPU. floor: the hashes alone.`,
    ],
    rows: [
      judged(
        { name: 'audit lines verified', values: ours, unit: '/s', note: 'gate 60,000' },
        { gate: 60_000, better: 'higher' },
      ),
      { name: 'floor: SHA-256 over the same lines', values: floor, unit: '/s' },
      judged(
        {
          name: `tools/list, ${tools.length} of ${catalog.length} tools`,
          values: [listed],
          unit: 'KB',
          note: 'gate 44',
        },
        { gate: 44, better: 'lower' },
      ),
    ],
  }
}
