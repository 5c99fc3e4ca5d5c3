import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { actorOf } from '../../../central/approvals/approvals.ts'
import { createAudit } from '../../../central/audit/audit.ts'
import { GENESIS, verifyLines } from '../../../central/audit/chain.ts'
import { verifyExport } from '../../../central/audit/offline.ts'
import type { AuditEvent } from '../../../central/domain/audit.ts'
import { createAuditStore } from '../../../central/storage/audit.ts'
import type { Database } from '../../../central/storage/database.ts'
import { principal, stillClock } from '../../helpers/principals.ts'
import { forEachDatabase } from '../storage/for-each-database.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')

const event = (changes: Partial<AuditEvent> = {}): AuditEvent => ({
  event: 'call.opened',
  workspace_id: 'wsp_1',
  call_id: 'req_1',
  actor: actorOf(principal()),
  resource: 'status',
  ...changes,
})

const auditOn = (db: Database) =>
  createAudit({ store: createAuditStore(db), clock: stillClock(), checkpointKey: privateKey })

forEachDatabase('audit', (open) => {
  test('lines written at once form one chain, in the order they were handed over', async () => {
    const audit = auditOn(await open())
    await Promise.all(Array.from({ length: 700 }, (_, i) => audit.append(event({ call_id: `req_${i}` }))))
    const lines = await audit.chain('wsp_1', 0, 1_000)
    assert.equal(lines.length, 700)
    assert.equal(lines[0]?.prev_hash, GENESIS)
    assert.deepEqual(
      lines.map(({ call_id }) => call_id),
      Array.from({ length: 700 }, (_, i) => `req_${i}`),
    )
    assert.equal(verifyLines(lines).fault, undefined)
    assert.equal((await audit.verify('wsp_1')).ok, true)
  })

  test('each workspace has a chain of its own', async () => {
    const audit = auditOn(await open())
    await Promise.all([audit.append(event()), audit.append(event({ workspace_id: 'wsp_2' })), audit.append(event())])
    assert.deepEqual(
      (await audit.chain('wsp_2', 0, 10)).map(({ seq }) => seq),
      [1],
    )
    assert.deepEqual(
      (await audit.chain('wsp_1', 0, 10)).map(({ seq }) => seq),
      [1, 2],
    )
  })

  test("text that no database or canonical form can hold does not take down the others' lines", async () => {
    const audit = auditOn(await open())
    const odd = ['\ud800', 'a\0b', '\udc00x']
    await Promise.all([
      audit.append(event({ call_id: 'req_before' })),
      ...odd.map((text) => audit.append(event({ server_id: text, tool: text, resource: text, details: { text } }))),
      audit.append(event({ call_id: 'req_after' })),
    ])
    assert.equal((await audit.list('wsp_1', { limit: 10 })).length, odd.length + 2)
    assert.equal((await audit.verify('wsp_1')).ok, true)
  })

  test('a commit that held although its acknowledgement was lost is not written twice', async () => {
    const store = createAuditStore(await open())
    let failures = 1
    const flaky: typeof store = {
      ...store,
      append: async (rows) => {
        await store.append(rows)
        if (failures-- > 0) throw new Error('connection reset')
      },
    }
    const audit = createAudit({ store: flaky, clock: stillClock(), checkpointKey: privateKey })
    await audit.append(event())
    assert.equal((await audit.list('wsp_1', { limit: 10 })).length, 1)
  })

  test('two writers on one database cannot fork a chain', async () => {
    const db = await open()
    const [one, two] = [auditOn(db), auditOn(db)]
    await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 2 ? one : two).append(event({ call_id: `req_${i}` }))))
    assert.equal((await one.chain('wsp_1', 0, 100)).length, 60)
    assert.equal((await two.verify('wsp_1')).ok, true)
  })

  const damages: [string, (db: Database) => Promise<unknown>][] = [
    [
      'a changed body',
      (db) => db.kysely.updateTable('audit_lines').set({ body: '{"seq":3}' }).where('seq', '=', 3).execute(),
    ],
    ['a removed line', (db) => db.kysely.deleteFrom('audit_lines').where('seq', '=', 3).execute()],
    ['a line whose hash was made anew', reforge],
  ]
  for (const [name, damage] of damages) {
    test(`${name} shows`, async () => {
      const db = await open()
      const audit = auditOn(db)
      for (let i = 0; i < 5; i++) await audit.append(event())
      await damage(db)
      const verification = await audit.verify('wsp_1')
      assert.equal(verification.ok, false)
      assert.ok(!verification.ok && (verification.fault.seq === 3 || verification.fault.seq === 4))
    })
  }

  test('a chain that was cut off at its end shows against the signed checkpoint', async () => {
    const db = await open()
    const audit = auditOn(db)
    for (let i = 0; i < 5; i++) await audit.append(event())
    await audit.checkpoint('wsp_1')
    await db.kysely.deleteFrom('audit_lines').where('seq', '>', 3).execute()
    const verification = await audit.verify('wsp_1')
    assert.deepEqual(verification, { ok: false, lines: 3, fault: { seq: 5, why: 'lines are missing' } })
  })

  test('a whole chain made anew shows against the signed checkpoint', async () => {
    const db = await open()
    const audit = auditOn(db)
    for (let i = 0; i < 3; i++) await audit.append(event())
    await audit.checkpoint('wsp_1')
    await db.kysely.deleteFrom('audit_lines').execute()
    const forger = auditOn(db)
    for (let i = 0; i < 3; i++) await forger.append(event({ resource: 'another past' }))
    const verification = await audit.verify('wsp_1')
    assert.deepEqual(verification, { ok: false, lines: 3, fault: { seq: 3, why: 'bad checkpoint' } })
  })

  test('an export holds offline, and a changed or shortened one does not', async () => {
    const audit = auditOn(await open())
    for (let i = 0; i < 4; i++) await audit.append(event())
    await audit.checkpoint('wsp_1')
    const lines: string[] = []
    for await (const line of audit.exportLines('wsp_1')) lines.push(line)
    const check = (these: string[]) =>
      verifyExport(
        (async function* () {
          yield* these
        })(),
        publicKey,
      )
    assert.deepEqual(await check(lines), { ok: true, lines: 4, head: JSON.parse(lines[3] ?? '').hash, checkpoints: 1 })
    const fault = async (these: string[]) => {
      const result = await check(these)
      return result.ok ? 'holds' : result.fault.why
    }
    assert.equal(await fault(lines.with(1, lines[1]?.replace('status', 'nothing') ?? '')), 'changed body')
    assert.equal(await fault(lines.toSpliced(1, 1)), 'gap')
    assert.equal(await fault(lines.toSpliced(3, 1)), 'bad checkpoint')
    assert.equal(await fault(lines.with(2, '{"seq":')), 'not a line')
    const { privateKey: other } = generateKeyPairSync('ed25519')
    const forged = sign(null, Buffer.from('x'), other).toString('base64')
    const signature = JSON.parse(lines[4] ?? '').checkpoint.signature
    assert.equal(await fault(lines.with(4, lines[4]?.replace(signature, forged) ?? '')), 'bad checkpoint')
  })

  test('when the line cannot be written, append rejects and the next one works', async () => {
    const db = await open()
    const store = createAuditStore(db)
    let broken = true
    const failing = {
      ...store,
      append: async (rows: Parameters<typeof store.append>[0]) => {
        if (broken) throw new Error('disk full')
        await store.append(rows)
      },
    }
    const audit = createAudit({ store: failing, clock: stillClock(), checkpointKey: privateKey })
    await assert.rejects(audit.append(event()), /disk full/)
    broken = false
    await audit.append(event())
    assert.equal((await audit.chain('wsp_1', 0, 10)).length, 1)
  })
})

async function reforge(db: Database): Promise<void> {
  const { link } = await import('../../../central/audit/chain.ts')
  const line = await db.kysely.selectFrom('audit_lines').selectAll().where('seq', '=', 3).executeTakeFirstOrThrow()
  const forged = link(line.prev_hash, { ...JSON.parse(line.body), resource: 'nothing' })
  await db.kysely.updateTable('audit_lines').set(forged).where('seq', '=', 3).execute()
}
