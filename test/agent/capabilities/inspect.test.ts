import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CatalogueError } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { createInspect } from '../../../agent/capabilities/inspect/index.ts'
import type { Answer, Lanes } from '../../../agent/lanes/lanes.ts'
import { emptyOutcome, type Health } from '../../../agent/lanes/words.ts'

const outcome = emptyOutcome('RUN_STATE_EXITED', '')
const health: Health = { version: '1.0.0', checkedAt: 1, drifts: [] }
const never = new AbortController().signal
const ctx = { requestId: 'req_1', cancelled: never, gone: never, output: async () => {} }

function inspectWith(options: { contained?: boolean; answer?: Answer<never> } = {}) {
  const asked: unknown[] = []
  const lanes = {
    inspect: async (request: unknown) => {
      asked.push(request)
      return options.answer ?? { kind: 'outcome', outcome }
    },
    installation: async () => options.answer ?? { kind: 'outcome', outcome: health },
    files: async (json: string) => options.answer ?? { kind: 'outcome', outcome: { json } },
  } as unknown as Lanes
  return { asked, handlers: createInspect({ lanes, contained: () => options.contained ?? true, engine: () => false }) }
}
const refusedWith = (code: string, reason: string) => (error: unknown) =>
  error instanceof CatalogueError && error.code === code && error.details.reason === reason

describe('inspect', () => {
  it('hands the argv to the lane, and the outcome back', async () => {
    const { handlers, asked } = inspectWith()
    assert.equal(await handlers.run({ argv: ['journalctl', '-n', '5'], timeoutMs: 0 }, ctx), outcome)
    assert.deepEqual(asked, [{ id: 'req_1', argv: ['journalctl', '-n', '5'], timeoutMs: LIMITS.runDefault }])
    assert.equal(await handlers.installation({}, ctx), health)
    assert.deepEqual(await handlers.files({ json: '{"do":"?"}' }, ctx), { json: '{"do":"?"}' })
  })
  it('is refused where nothing contains the lane', async () => {
    const { handlers, asked } = inspectWith({ contained: false })
    const refused = refusedWith('POLICY_DENIED', 'no_isolation')
    await assert.rejects(handlers.run({ argv: ['journalctl'], timeoutMs: 1 }, ctx), refused)
    await assert.rejects(handlers.installation({}, ctx), refused)
    await assert.rejects(handlers.files({ json: '{}' }, ctx), refused)
    assert.deepEqual(asked, [])
  })
  it('says what the lane refused, and that it was lost', async () => {
    const refusal = { code: 'POLICY_DENIED', details: { reason: 'not_a_verb' } } as const
    const refusing = inspectWith({ answer: { kind: 'refusal', refusal } }).handlers
    await assert.rejects(refusing.run({ argv: ['id'], timeoutMs: 1 }, ctx), refusedWith('POLICY_DENIED', 'not_a_verb'))
    const lost = inspectWith({ answer: { kind: 'lost' } }).handlers
    await assert.rejects(lost.installation({}, ctx), refusedWith('INTERNAL_ERROR', 'lane_lost'))
  })
  it('takes no argv that is longer than a command may be', async () => {
    const { handlers } = inspectWith()
    const argv = ['journalctl', 'x'.repeat(LIMITS.commandLine)]
    await assert.rejects(handlers.run({ argv, timeoutMs: 1 }, ctx), refusedWith('VALIDATION_ERROR', 'too_long'))
  })
})
