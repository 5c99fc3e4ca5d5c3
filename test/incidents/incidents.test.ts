// What is wrong with a real host, said by its agent: each scenario breaks the shop in one way, asks in a user's words,
// mends it again, and makes sure that it is mended. INCIDENTS=name,name runs those alone.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Finding } from '#proto/contract/diagnosis.ts'
import { whyNoGuest } from '../guest/guest.ts'
import { createCleanup } from '../guest/world.ts'
import { aboveLow, brief, figuresOf, type Judged, judge, matches, scenarios, table, unknownCauses } from './judge.ts'
import { type Shop, startShop } from './shop.ts'

/** These are asked of Central's tool, too. */
const BY_TOOL = ['crash-bad-config', 'port-conflict', 'postgres-stopped']
const WELL = ['the shop is slow', 'site down', "can't log in, is the disk full?"]
const MEDIAN_MS = 3_000

const all = scenarios()

const RECALL = 0.95
const PRECISION = 0.95

describe('incidents on a real host', { skip: whyNoGuest() ?? false }, () => {
  let shop: Shop
  const judged: Judged[] = []

  const cleanup = createCleanup()
  after(cleanup.run)
  before(async () => {
    shop = await startShop(cleanup)
  })

  async function expectNothing(): Promise<void> {
    for (const problem of WELL) {
      const { findings } = await shop.diagnose(problem)
      assert.deepEqual(aboveLow(findings).map(brief), [], problem)
    }
  }

  test('a host that is well, with all its noise, has no finding above low', expectNothing)

  for (const scenario of all)
    test(`${scenario.kind}: ${scenario.name}`, async (t) => {
      assert.deepEqual(unknownCauses(scenario), [])
      const folder = `scenarios/${scenario.name}`
      try {
        await shop.run(`${folder}/inject.sh`)
        const { findings, tookMs } = await shop.diagnose(scenario.problem)
        const verdict = judge(scenario, findings, tookMs)
        judged.push(verdict)
        if (!verdict.right || verdict.truly < verdict.above)
          t.diagnostic(
            `expected ${scenario.expected.join(', or ')}; said ${findings.slice(0, 6).map(brief).join(' / ')}`,
          )
        if (BY_TOOL.includes(scenario.name)) {
          const answer = await shop.diagnoseByTool(scenario.problem)
          const first = Finding.parse((answer.findings as unknown[])[0])
          assert.ok(
            scenario.expected.some((line) => matches(line, first)),
            JSON.stringify(first),
          )
        }
      } finally {
        await shop.run(`${folder}/undo.sh`, 'settle.sh')
      }
    })

  test('after all of them it is well again', expectNothing)

  test('the first finding names the true cause of most', (t) => {
    t.diagnostic(`\n${table(judged)}`)
    const { recall, precision, medianMs } = figuresOf(judged)
    assert.equal(judged.length, all.length)
    assert.ok(recall >= RECALL, `recall ${recall}`)
    assert.ok(precision >= PRECISION, `precision ${precision}`)
    if (medianMs > MEDIAN_MS) t.diagnostic(`slower than ${MEDIAN_MS} ms`)
  })
})
