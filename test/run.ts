// `npm test`: installs what the tests need from Debian where it may, runs every suite on Node's own test runner, and
// says which were skipped and why. With CI set, a skip is a failure.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

const only = process.argv.slice(2)
const files = (only.length > 0 ? only.flatMap((pattern) => globSync(pattern)) : globSync('test/**/*.test.ts')).sort()
const strict = process.env.CI === 'true'

if (only.length === 0) {
  const setup = spawnSync('bash', ['test/setup-debian.sh'], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (setup.status !== 0) console.error('test/setup-debian.sh could not install everything; what needs it is skipped.')
}

const totals = { passed: 0, failed: 0, skipped: [] as string[] }
const isTest = (data: { details?: { type?: string | undefined } }) => data.details?.type !== 'suite'

const stream = run({ files: files.map((file) => `${process.cwd()}/${file}`), concurrency: 2, timeout: 900_000 })
stream.on('test:pass', (data) => {
  if (data.skip !== undefined) totals.skipped.push(`${data.name}: ${data.skip === true ? 'no reason given' : data.skip}`)
  else if (isTest(data)) totals.passed += 1
})
stream.on('test:fail', (data) => {
  if (isTest(data)) totals.failed += 1
})
stream.on('end', () => {
  for (const skipped of totals.skipped) console.log(`skipped: ${skipped}`)
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`)
  if (totals.failed > 0 || (strict && totals.skipped.length > 0)) process.exitCode = 1
})
stream.compose(new spec()).pipe(process.stdout)
