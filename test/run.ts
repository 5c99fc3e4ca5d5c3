// `npm test`: installs what the tests need where it may, runs every suite on Node's own test runner, and says which were
// skipped and why. With CI set, a skip is a failure. `npm test -- FILE…` runs those alone and installs nothing.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { startPostgres, whyNoPostgres } from './central/storage/postgres-server.ts'

/** Suites that start many processes or measure a crowd: one at a time. The others run two at a time. */
const ALONE = /^test\/(e2e|guest|clients|conformance)\//
const FILE_TIMEOUT_MS = 1_800_000

const only = process.argv.slice(2)
const files = (only.length > 0 ? only.flatMap((pattern) => globSync(pattern)) : globSync('test/**/*.test.ts')).sort()
const totals = { passed: 0, failed: 0, skipped: [] as string[] }

if (only.length === 0) {
  setUp('bash', 'test/setup-debian.sh')
  setUp(process.execPath, 'test/install-clients.ts')
}
// Ends with this process.
const postgres = whyNoPostgres() === undefined ? await startPostgres() : undefined
const database = await postgres?.createDatabase()
if (database) process.env.TEST_POSTGRES_URL = database.url

await runAll(
  files.filter((file) => !ALONE.test(file)),
  2,
)
await runAll(
  files.filter((file) => ALONE.test(file)),
  1,
)

for (const skipped of totals.skipped) console.log(`skipped: ${skipped}`)
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`)
const skipsFail = process.env.CI === 'true' && totals.skipped.length > 0
process.exit(totals.failed > 0 || totals.passed === 0 || skipsFail ? 1 : 0)

/** A setup that fails is said; what needs it is then skipped with its reason. */
function setUp(command: string, script: string): void {
  const { status } = spawnSync(command, [script], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) console.error(`${script} did not install everything`)
}

async function runAll(files: readonly string[], concurrency: number): Promise<void> {
  if (files.length === 0) return
  const tests = run({ files: files.map((file) => `${process.cwd()}/${file}`), concurrency, timeout: FILE_TIMEOUT_MS })
  tests.on('test:pass', (data) => {
    if (data.skip !== undefined)
      totals.skipped.push(`${data.name}: ${data.skip === true ? 'no reason given' : data.skip}`)
    else if (data.details.type !== 'suite') totals.passed += 1
  })
  tests.on('test:fail', (data) => {
    if (data.details.type !== 'suite') totals.failed += 1
  })
  for await (const text of tests.compose(new spec())) process.stdout.write(text)
}
