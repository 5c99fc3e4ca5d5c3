// The official conformance suite, through a proxy that adds the token, since the suite knows no authorization.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { allow } from '../clients/connect.ts'
import { createHome } from '../clients/home.ts'
import { clientPath, missing } from '../clients/installed.ts'
import { openTerminal } from '../clients/terminal.ts'
import { bootCentral } from '../helpers/boot-central.ts'
import { freePort } from '../helpers/free-port.ts'
import { runProgram } from '../helpers/run-program.ts'
import { startTokenProxy } from '../helpers/token-proxy.ts'
import { conformanceFixtures } from './fixtures.ts'

type Check = { id: string; status: string; errorMessage?: string }

/** Far more than a client may ask for: the suite sends everything at once. */
const PLENTY = { burst: 10_000, perSecond: 1_000 }

/** The whole Central, with the fixtures beside its tools, behind a proxy that adds an API key. */
async function bootBehindProxy(t: TestContext) {
  const proxy = await startTokenProxy()
  t.after(proxy.close)
  const booted = await bootCentral(t, {
    config: { 'allowed-origins': proxy.origin },
    outside: { surface: conformanceFixtures, rates: { calls: PLENTY, requests: PLENTY } },
  })
  const { userId } = await booted.member('anna')
  proxy.aim({ port: Number(new URL(booted.url).port), token: await booted.apiKey(userId) })
  return proxy.origin
}

async function temporaryDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'mttrly-conformance-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

describe('the conformance suite', { skip: missing('conformance') }, () => {
  /** Scenario → its checks. */
  async function run(t: TestContext, revision: string): Promise<Map<string, Check[]>> {
    const [url, dir] = [await bootBehindProxy(t), await temporaryDir(t)]
    const args = ['server', '--url', `${url}/mcp`, '--requirements', revision, '-o', dir]
    const { stdout, stderr } = await runProgram(process.execPath, [clientPath('conformance'), ...args])
    const names = await readdir(dir)
    assert.ok(names.length > 0, stdout + stderr)
    return new Map(
      names.map((name) => [
        name.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, ''),
        JSON.parse(readFileSync(join(dir, name, 'checks.json'), 'utf8')) as Check[],
      ]),
    )
  }

  /** The frozen list of what counts for a revision, as the suite carries it. */
  function scored(revision: string): string[] {
    const path = join(clientPath('conformance'), '../../@modelcontextprotocol/conformance/requirements')
    const [, list = ''] = readFileSync(join(path, `${revision}.yaml`), 'utf8').split(/^server:\n/m)
    return list.split(/^\S/m)[0]?.match(/(?<=^ {2}- )[a-z0-9-]+/gm) ?? []
  }

  for (const revision of ['2025-11-25', '2026-07-28']) {
    it(`passes every scored scenario of ${revision}`, { timeout: 180_000 }, async (t) => {
      const results = await run(t, revision)
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

  it('passes the checks of an authorization server', { timeout: 120_000 }, async (t) => {
    const booted = await bootCentral(t)
    const person = await booted.member('anna')
    const [port, clientId] = [await freePort(), await register(booted.url)]
    const home = createHome(t)
    const args = [
      ['authorization', '--url', booted.url, '--resource', `${booted.url}/mcp`],
      ['--client-id', clientId, '-p', String(port)],
    ].flat()
    const suite = openTerminal(t, process.execPath, [clientPath('conformance'), ...args], {
      cwd: home.dir,
      env: home.env,
    })
    const back = await allow(person, await suite.shows(/(http:\/\/localhost:\d+\/oauth\/authorize\S+)/))
    assert.equal((await fetch(back)).status, 200)
    assert.equal(await suite.ended, 0, suite.shown())
    assert.match(suite.shown(), /authorization-code-grant: [1-9]\d* passed, 0 failed/)
  })
})

/** With a loopback redirect, whose port is free to choose (RFC 8252 section 7.3). */
async function register(url: string): Promise<string> {
  const response = await fetch(`${url}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Conformance', redirect_uris: ['http://127.0.0.1/callback'] }),
  })
  return ((await response.json()) as { client_id: string }).client_id
}
