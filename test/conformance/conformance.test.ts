// The official conformance suite, through a proxy that adds the token, since the suite knows no authorization.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { bootMcp } from '../central/mcp/boot-mcp.ts'
import { clientPath, missing } from '../clients/installed.ts'
import { runProgram } from '../helpers/run-program.ts'
import { startTokenProxy } from '../helpers/token-proxy.ts'
import { conformanceFixtures } from './fixtures.ts'

type Check = { id: string; status: string; errorMessage?: string }

describe('the conformance suite', { skip: missing('conformance') }, () => {
  let proxy: Awaited<ReturnType<typeof startTokenProxy>>
  let central: Awaited<ReturnType<typeof bootMcp>>
  let out: string
  before(async () => {
    proxy = await startTokenProxy()
    central = await bootMcp({ extra: conformanceFixtures, allowedOrigins: [proxy.origin] })
    proxy.aim({ port: central.port, token: 'alice' })
    out = await mkdtemp(join(tmpdir(), 'mttrly-conformance-'))
  })
  after(async () => {
    await proxy.close()
    await central.close()
    await rm(out, { recursive: true, force: true })
  })

  /** Scenario → its checks. */
  async function run(revision: string): Promise<Map<string, Check[]>> {
    const dir = join(out, revision)
    const args = ['server', '--url', `${proxy.origin}/mcp`, '--requirements', revision, '-o', dir]
    const { stdout, stderr } = await runProgram(process.execPath, [clientPath('conformance'), ...args])
    const found = new Map<string, Check[]>()
    for (const name of await readdir(dir).catch(() => assert.fail(stdout + stderr))) {
      const scenario = name.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '')
      found.set(scenario, JSON.parse(readFileSync(join(dir, name, 'checks.json'), 'utf8')))
    }
    return found
  }

  /** The frozen list of what counts for a revision, as the suite carries it. */
  function scored(revision: string): string[] {
    const path = join(clientPath('conformance'), '../../@modelcontextprotocol/conformance/requirements')
    const [, list = ''] = readFileSync(join(path, `${revision}.yaml`), 'utf8').split(/^server:\n/m)
    return list.split(/^\S/m)[0]?.match(/(?<=^ {2}- )[a-z0-9-]+/gm) ?? []
  }

  for (const revision of ['2025-11-25', '2026-07-28']) {
    it(`passes every scored scenario of ${revision}`, { timeout: 180_000 }, async () => {
      const results = await run(revision)
      const expected = scored(revision)
      assert.ok(expected.length > 25, 'the list of what counts was read')
      const failures = expected.flatMap((scenario) => {
        const checks = results.get(scenario)
        if (!checks?.some(({ status }) => status === 'SUCCESS')) return [`${scenario}: checked nothing`]
        return checks.filter(({ status }) => status === 'FAILURE').map((check) => `${scenario}: ${check.errorMessage}`)
      })
      assert.deepEqual(failures, [])
    })
  }
})
