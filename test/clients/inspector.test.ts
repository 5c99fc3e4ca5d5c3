// The Inspector's command line, in both generations.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bootCentral } from '../helpers/boot-central.ts'
import { runProgram } from '../helpers/run-program.ts'
import { createHome } from './home.ts'
import { clientPath, missing } from './installed.ts'

const TIMEOUT = { timeout: 120_000 }

describe('the Inspector', { skip: missing('mcp-inspector') }, () => {
  for (const era of ['legacy', 'modern']) {
    it(`finds the tools' schemas portable (${era})`, TIMEOUT, async (t) => {
      const booted = await bootCentral(t)
      const { userId } = await booted.member('anna')
      const key = await booted.apiKey(userId)
      const home = createHome(t)
      const inspect = (...args: string[]) =>
        runProgram(
          process.execPath,
          [
            clientPath('mcp-inspector'),
            '--cli',
            `${booted.url}/mcp`,
            '--protocol-era',
            era,
            '--format',
            'json',
            '--header',
            `Authorization: Bearer ${key}`,
            ...args,
          ],
          { env: home.env, cwd: home.dir },
        )
      const listed = await inspect('--method', 'tools/list', '--strict')
      assert.equal(listed.code, 0, listed.stderr)
      const { tools } = JSON.parse(listed.stdout).result
      assert.ok(tools.some(({ name }: { name: string }) => name === 'mttrly_execute_command'))
      const called = await inspect('--method', 'tools/call', '--tool-name', 'mttrly_list_servers')
      assert.equal(called.code, 0, called.stderr)
      assert.deepEqual(JSON.parse(called.stdout).result.structuredContent, { servers: [] })
    })
  }
})
