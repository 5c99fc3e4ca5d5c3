// A secret that a command prints stays on the host; and the audit log says it all, and notices a changed byte.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { copyFileSync, cpSync, existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { makeHome } from './host.ts'
import { verifies } from './requirements.ts'
import { startWorld, type World } from './world.ts'

const ADMIN = fileURLToPath(new URL('../../central/admin.ts', import.meta.url))
const letters = (count: number) => randomBytes(count).toString('hex').slice(0, count)

/** What nobody but the host may see, in the forms in which commands print it. */
const SECRETS = {
  password: `Zq9${letters(20)}`,
  github: `ghp_${letters(36)}`,
  aws: `${letters(40)}`,
  bearer: `eyJhbGciOiJIUzI1NiJ9.${letters(40)}.${letters(43)}`,
  key:
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().split('\n')[1] ?? '',
}
const MARK = `harmless-${letters(12)}`
const FILE = [
  MARK,
  `DATABASE_PASSWORD=${SECRETS.password}`,
  `token: ${SECRETS.github}`,
  `aws_secret_access_key = ${SECRETS.aws}`,
  `Authorization: Bearer ${SECRETS.bearer}`,
  '-----BEGIN PRIVATE KEY-----',
  SECRETS.key,
  '-----END PRIVATE KEY-----',
  '',
].join('\n')

let logged = ''
let world: World
before(async () => {
  const write = (line: string): void => {
    logged += line
  }
  const log = pino({ level: 'debug' }, { write })
  world = await startWorld({ outside: { log } })
})
after(() => world?.stop())

const secretsIn = (text: string | Buffer): string[] =>
  Object.entries(SECRETS).flatMap(([name, secret]) => (text.includes(secret) ? [name] : []))

const filesOf = (directory: string): string[] =>
  globSync(`${directory}/**/*`).filter((path) => existsSync(path) && statSync(path).isFile())

verifies('secrets:never-leave-the-host', 'a secret in output is in no answer, page, record, file or log', async () => {
  const { host, booted, mcp } = world
  const file = host.work('config')
  writeFileSync(file, FILE)
  assert.equal(secretsIn(FILE).length, Object.keys(SECRETS).length)
  const seen: string[] = []

  const read = await mcp.value('execute_command', { server_id: host.serverId, command: `cat ${file}` })
  seen.push(JSON.stringify(read))
  assert.match(String(read.output), new RegExp(MARK))
  assert.ok(Number(read.redactions) >= Object.keys(SECRETS).length)

  // Printed bit by bit, so that no piece holds a whole secret; and to both outputs, with a sleep in the middle.
  const slowly = `while IFS= read -r -n 7 -d '' part || [ -n "$part" ]; do printf %s "$part"; done < ${file}; cat ${file} >&2; sleep 0.2; cat ${file}`
  const id = await world.ask(slowly)
  await world.approve(id)
  seen.push(JSON.stringify(await world.ended(id)), await world.output(id, 50))
  const person = await world.approver()
  for (const path of [`/approvals/${id}`, `/approvals/${id}/output`, `/approvals/${id}/output.txt`, '/audit'])
    seen.push(await (await person.get(path)).text())
  assert.equal(seen.filter((text) => text.includes(MARK)).length >= 4, true)
  seen.push(JSON.stringify(await mcp.value('get_audit_log', { limit: 500 })))
  for (const text of seen) assert.deepEqual(secretsIn(text), [])

  const records = filesOf(booted.dataDir)
  assert.ok(
    records.some((path) => readFileSync(path).includes(MARK)),
    'the redacted output is kept',
  )
  for (const path of [...records, ...filesOf(host.home.data)]) assert.deepEqual(secretsIn(readFileSync(path)), [], path)
  assert.deepEqual(secretsIn(logged), [])
  assert.deepEqual(secretsIn(host.log()), [])
  assert.ok(logged.length > 0 && host.log().length > 0)
})

verifies('secrets:never-leave-the-host', 'neither keys nor codes nor tokens are in a log', async () => {
  const { key, owner, host } = world
  const person = await world.approver()
  for (const secret of [key, owner.password, owner.totpSecret, person.password, ...person.cookies.values()]) {
    assert.ok(!logged.includes(secret))
    assert.ok(!host.log().includes(secret))
  }
})

type AuditLine = {
  seq: number
  event: string
  action_id?: string
  by: string
  source: string
  outcome?: string
  verdict?: string
  output?: { bytes: number; sha256: string }
}

verifies('audit:says-it-all', 'who asked, who decided, what ran and how it ended', async () => {
  const { host, mcp } = world
  const id = await world.ask(`echo ${MARK}; touch ${host.work(MARK)}`)
  await mcp.value('execute_command', { server_id: host.serverId, command: 'uptime' })
  await mcp.code('get_action_result', { action_id: 'act_unknown' })
  await world.approve(id)
  const end = await world.ended(id)
  const { lines } = (await mcp.value('get_audit_log', { server_id: host.serverId, limit: 500 })) as {
    lines: AuditLine[]
  }
  const ofAction = lines.filter(({ action_id, event }) => action_id === id && event.startsWith('action.')).reverse()
  assert.deepEqual(
    ofAction.map(({ event }) => event),
    ['action.requested', 'action.decided', 'action.started', 'action.finished'],
  )
  const [requested, decided, , finished] = ofAction
  assert.equal(requested?.by, world.owner.email)
  assert.equal(requested?.source, 'mcp')
  assert.equal(decided?.by, end.decided_by)
  assert.equal(decided?.source, 'dashboard')
  assert.equal(decided?.verdict, 'approved')
  assert.equal(finished?.outcome, 'succeeded')
  assert.deepEqual(finished?.output, { bytes: end.output_bytes, sha256: end.output_sha256 })
  const whole = (await mcp.value('get_audit_log', { limit: 500 })) as { lines: AuditLine[] }
  assert.ok(whole.lines.some(({ event, outcome }) => event === 'call.closed' && outcome === 'error:ACTION_NOT_FOUND'))
  const seqs = whole.lines.map(({ seq }) => seq)
  assert.deepEqual(
    seqs,
    seqs.map((_, i) => (seqs[0] ?? 0) - i),
  )
})

function admin(data: string, ...args: string[]): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    const argv = ['--disable-warning=ExperimentalWarning', ADMIN, '--data', data, ...args]
    execFile(process.execPath, argv, { env: { PATH: '/usr/bin:/bin' }, maxBuffer: 2 ** 28 }, (error, out) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, out }),
    )
  })
}

/** The first byte of `text` in the file gets another bit. */
function flipIn(path: string, text: string): void {
  const bytes = readFileSync(path)
  const at = bytes.indexOf(text)
  assert.ok(at > 0)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

verifies('audit:verify', 'here, offline on an export, and after one bit was changed in either', async () => {
  const { dataDir } = world.booted
  const { root, work } = makeHome()
  world.removeAfter(root)
  const unique = `unique-${letters(12)}`
  await world.mcp.value('execute_command', { server_id: world.host.serverId, command: `echo ${unique}` })

  const here = await admin(dataDir, 'audit', 'verify')
  assert.equal(here.code, 0, here.out)
  assert.equal(JSON.parse(here.out).ok, true)

  const [file, key] = [join(work, 'export.jsonl'), join(work, 'key.pem')]
  writeFileSync(file, (await admin(dataDir, 'audit', 'export')).out)
  writeFileSync(key, (await admin(dataDir, 'audit', 'key')).out)
  const elsewhere = join(work, 'not-a-data-directory')
  const offline = await admin(elsewhere, 'audit', 'verify', '--file', file, '--key', key)
  assert.equal(offline.code, 0, offline.out)
  assert.ok(JSON.parse(offline.out).lines > 10)
  assert.equal(existsSync(elsewhere), false)

  const forged = join(work, 'forged.jsonl')
  copyFileSync(file, forged)
  flipIn(forged, unique)
  const caught = await admin(elsewhere, 'audit', 'verify', '--file', forged, '--key', key)
  assert.equal(caught.code, 2)
  assert.equal(JSON.parse(caught.out).ok, false)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  writeFileSync(forged, `${[...lines.slice(0, 4), ...lines.slice(5)].join('\n')}\n`)
  assert.equal((await admin(elsewhere, 'audit', 'verify', '--file', forged, '--key', key)).code, 2)

  const copy = join(work, 'data')
  cpSync(dataDir, copy, { recursive: true })
  const database = new DatabaseSync(join(copy, 'central.db'))
  database.exec('pragma wal_checkpoint(truncate)')
  database.close()
  assert.equal((await admin(copy, 'audit', 'verify')).code, 0)
  flipIn(join(copy, 'central.db'), `command:echo ${unique}`)
  const changed = await admin(copy, 'audit', 'verify')
  assert.equal(changed.code, 2, changed.out)
  assert.equal(JSON.parse(changed.out).ok, false)
})
