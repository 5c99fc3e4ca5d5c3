// `npm test`: installs what the tests need where it may, runs every suite on Node's own test runner, and says which were
// skipped and why. With CI set, a skip is a failure. `npm test -- FILE…` runs those alone and installs nothing.
//
// Each file is a process whose end is waited for, not the end of its pipes, and not for longer than a file may take: what a
// test leaves behind, or a test that never ends, fails that file and holds up no other.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, globSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres, whyNoPostgres } from './central/storage/postgres-server.ts'
import type { Told } from './helpers/tally.ts'

/** Suites that start many processes or measure a crowd. */
const ALONE = /^test\/(e2e|clients|conformance)\//
/** Suites with a guest of their own wait more than they work. The longest begin first. */
const GUESTS = /^test\/(guest|incidents)\//
const LONGEST = [
  'incidents/incidents',
  'guest/repair',
  'guest/repair-damage',
  'guest/power-cut',
  'guest/update',
  'guest/files',
].map((name) => `test/${name}.test.ts`)
const FILE_TIMEOUT_MS = 1_800_000
/** The whole suite: what has not begun by then fails unseen, and is named. */
const SUITE_TIMEOUT_MS = 4_800_000
const SLOWEST = 15

const NODE_OPTIONS = ['--disable-warning=ExperimentalWarning', '--test-force-exit']
/** What writes which file of its scratch directory. */
const REPORTERS = { spec: 'spec', told: `${import.meta.dirname}/helpers/tally.ts` }

/** Every file's own count; the whole is counted here. */
const COUNTS = /^ℹ (?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) .*\n/gm

type Result = { file: string; seconds: number; told: Told[] }

const only = process.argv.slice(2)
const files = (only.length > 0 ? only.flatMap((pattern) => globSync(pattern)) : globSync('test/**/*.test.ts')).sort()
const results: Result[] = []
const running = new Set<number>()
const until = Date.now() + SUITE_TIMEOUT_MS

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    for (const group of running) end(group)
    process.exit(1)
  })
if (only.length === 0) {
  setUp('bash', 'test/setup-debian.sh')
  setUp(process.execPath, 'test/install-clients.ts')
}
// Ends with this process.
const postgres = whyNoPostgres() === undefined ? await startPostgres() : undefined
const database = await postgres?.createDatabase()
if (database) process.env.TEST_POSTGRES_URL = database.url

await runAll((file) => !ALONE.test(file) && !GUESTS.test(file), 2)
await runAll((file) => ALONE.test(file), 1)
await runAll((file) => GUESTS.test(file), 2)
process.exit(report())

/** A setup that fails is said; what needs it is then skipped with its reason. */
function setUp(command: string, script: string): void {
  const { status } = spawnSync(command, [script], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) console.error(`${script} did not install everything`)
}

async function runAll(belongs: (file: string) => boolean, concurrency: number): Promise<void> {
  const these = files.filter(belongs)
  const left = [...new Set([...LONGEST.filter((file) => these.includes(file)), ...these])]
  const worker = async (): Promise<void> => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) results.push(await runFile(file))
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

async function runFile(file: string): Promise<Result> {
  const began = Date.now()
  const scratch = mkdtempSync(join(tmpdir(), 'mttrly-suite-'))
  const at = (name: string): string => join(scratch, name)
  const text = (name: string): string => readFileSync(at(name), { encoding: 'utf8', flag: 'a+' })
  try {
    const ended = await runProcess(file, at, Math.min(FILE_TIMEOUT_MS, until - began))
    const seconds = (Date.now() - began) / 1000
    const told = text('told')
      .split('\n')
      .flatMap((line): Told[] => (line === '' ? [] : [JSON.parse(line)]))
    const why = failureBeyond(told, ended)
    if (why !== undefined) told.push({ name: 'the file', how: 'failed', why })
    console.log(
      `\n${file} (${seconds.toFixed(1)} s)\n${text('spec').replaceAll(COUNTS, '')}${text('output')}${why ?? ''}`,
    )
    return { file, seconds, told }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

type Ended = { code: number | null } | { why: string }

async function runProcess(file: string, at: (name: string) => string, timeoutMs: number): Promise<Ended> {
  if (timeoutMs <= 0) return { why: 'did not begin: the time of the whole suite was over' }
  const reporters = Object.entries(REPORTERS).flatMap(([name, reporter]) => [
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${at(name)}`,
  ])
  const output = openSync(at('output'), 'a')
  const child = spawn(process.execPath, [...NODE_OPTIONS, ...reporters, file], {
    stdio: ['ignore', output, output],
    detached: true, // a group of its own, so that its end can be the end of what it started
  })
  closeSync(output)
  running.add(child.pid ?? 0)
  const { promise, resolve } = Promise.withResolvers<Ended>()
  const timer = setTimeout(() => {
    end(child.pid ?? 0)
    resolve({ why: `did not end within ${Math.round(timeoutMs / 1000)} s` })
  }, timeoutMs)
  child.once('error', ({ message }) => resolve({ why: message }))
  child.once('exit', (code, signal) => resolve(signal === null ? { code } : { why: `was ended by ${signal}` }))
  return promise.finally(() => {
    clearTimeout(timer)
    running.delete(child.pid ?? 0)
  })
}

/** With what it started, as far as that stayed in its group. */
function end(group: number): void {
  try {
    if (group > 0) process.kill(-group, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

/** Why a file failed although none of its tests did. */
function failureBeyond(told: readonly Told[], ended: Ended): string | undefined {
  if ('why' in ended) return ended.why
  if (ended.code !== 0) return told.some(({ how }) => how === 'failed') ? undefined : `ended with ${ended.code}`
  return told.length === 0 ? 'holds no test' : undefined
}

/** @returns the exit code of it all */
function report(): number {
  const told = results.flatMap((result) => result.told.map((one) => ({ ...one, file: result.file })))
  const those = (how: Told['how']) => told.filter((one) => one.how === how)
  const slowest = results.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST)
  console.log(`\nslowest: ${slowest.map(({ file, seconds }) => `${file} ${seconds.toFixed(0)} s`).join(', ')}`)
  for (const { file, name, why } of those('failed')) console.log(`failed: ${file}: ${name}${why ? `: ${why}` : ''}`)
  for (const { file, name, why } of those('skipped')) console.log(`skipped: ${file}: ${name}: ${why}`)
  const [passed, failed, skipped] = [those('passed').length, those('failed').length, those('skipped').length]
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  return failed > 0 || passed === 0 || (process.env.CI === 'true' && skipped > 0) ? 1 : 0
}
