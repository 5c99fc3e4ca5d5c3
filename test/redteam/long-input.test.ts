// Attack A9: an input made so that whoever judges it never ends. What is counted is what the engine executed, block by block, and never
// time. The judges are imported late: only what is compiled afterwards is counted by blocks.
import assert from 'node:assert/strict'
import { Session } from 'node:inspector/promises'
import { after, before, test } from 'node:test'
import { LONG } from './attacks/commands.ts'

const session = new Session()
let classify: (command: string) => { kind: string }
let redact: (text: string) => unknown

before(async () => {
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  const [commands, redaction] = await Promise.all([
    import('../../central/commands/classify.ts'),
    import('#proto/redaction/redactor.ts'),
  ])
  classify = commands.classify
  redact = (text) => redaction.redactText(text, {})
  classify('ls $(ls)')
  redact('password=x')
})
after(() => session.disconnect())

/** Executions of all blocks of our own code and of the parser, while `work` was done. */
async function steps(work: () => unknown): Promise<number> {
  await session.post('Profiler.takePreciseCoverage')
  work()
  const { result } = await session.post('Profiler.takePreciseCoverage')
  const ours = result.filter(({ url }) => /\/(?:central|proto)\/|\/unbash\//.test(url))
  return ours
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0)
}

test('a megabyte costs no more than a line that is just too long', async () => {
  for (const [name, ofSize] of Object.entries(LONG)) {
    const [short, long] = [ofSize(20_000), ofSize(1_000_000)]
    const [few, many] = [await steps(() => classify(short)), await steps(() => classify(long))]
    assert.ok(few > 0 && many <= few, `${name}: ${few} and ${many}`)
    assert.equal(classify(long).kind, 'ask', name)
  }
})

test('twice the line costs at most four times as much, in every shape', async (t) => {
  const told: string[] = []
  for (const [name, ofSize] of Object.entries(LONG)) {
    const [half, whole] = [ofSize(4_000), ofSize(8_000)]
    const ratio = (await steps(() => classify(whole))) / (await steps(() => classify(half)))
    told.push(`${name} ${ratio.toFixed(1)}`)
    assert.ok(ratio < 4.5, `${name}: ${ratio}`)
  }
  t.diagnostic(told.join(', '))
})

test('twice the text costs a redactor twice as much, in every shape', async (t) => {
  const told: string[] = []
  for (const [name, ofSize] of Object.entries(LONG)) {
    const ratio = (await steps(() => redact(ofSize(800_000)))) / (await steps(() => redact(ofSize(400_000))))
    told.push(`${name} ${ratio.toFixed(1)}`)
    assert.ok(ratio < 2.5, `${name}: ${ratio}`)
  }
  t.diagnostic(told.join(', '))
})

test('a key that goes on with signs alone is read in one go', () => {
  // What a pattern does within itself is counted by nobody: squared, this would be for hours.
  const text = `-----BEGIN RSA PRIVATE KEY-----\n,${'+'.repeat(400_000)}!\n`
  assert.ok(!JSON.stringify(redact(text)).includes('+'.repeat(64)))
})

test('… and what costs more would be noticed', async () => {
  const squared = (size: number) => async () => {
    const path = `/${'../'.repeat(size)}`
    return steps(() => {
      for (let at = 0; at < size; at += 10) classify(path.slice(0, 100))
      for (let at = 0; at < size; at += 10) classify(path.slice(0, Math.min(at, 8_000)))
    })
  }
  assert.ok((await squared(2_000)()) / (await squared(500)()) > 4.5)
})
