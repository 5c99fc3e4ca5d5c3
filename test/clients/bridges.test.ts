// mcp-remote and mcporter: registration by clients that say little about themselves.
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { bootCentral } from '../helpers/boot-central.ts'
import { allow } from './connect.ts'
import { createHome } from './home.ts'
import { clientPath, missing } from './installed.ts'
import { openTerminal } from './terminal.ts'

/** A browser that hands its link to the test. */
const BROWSER = '#!/bin/sh\necho "open: $1"\nprintf "%s" "$1" > "$HOME/link"\n'

async function boot(t: TestContext) {
  const booted = await bootCentral(t)
  const person = await booted.member('anna')
  const home = createHome(t)
  home.write('bin/xdg-open', BROWSER, 0o700)
  const open = (name: 'mcp-remote-client' | 'mcporter', ...args: string[]) =>
    openTerminal(t, process.execPath, [clientPath(name), ...args], { cwd: home.dir, env: home.env })
  return { ...booted, person, open }
}

const LINK = /(http:\/\/localhost:\d+\/oauth\/authorize\S+)/

describe('mcp-remote', { skip: missing('mcp-remote-client') }, () => {
  it('registers, connects and lists tools', { timeout: 120_000 }, async (t) => {
    const { url, person, open } = await boot(t)
    const terminal = open('mcp-remote-client', `${url}/mcp`)
    const back = await allow(person, await terminal.shows(LINK))
    assert.equal((await fetch(back)).status, 200)
    await terminal.shows(/mttrly_list_servers/)
  })
})

describe('mcporter', { skip: missing('mcporter') }, () => {
  it('registers, connects and calls a tool', { timeout: 120_000 }, async (t) => {
    const { url, person, open } = await boot(t)
    const terminal = open('mcporter', 'call', `${url}/mcp.mttrly_list_servers`, '--allow-http')
    const back = await allow(person, await terminal.shows(LINK))
    assert.equal((await fetch(back)).status, 200)
    assert.equal(await terminal.ended, 0, terminal.shown())
    assert.match(terminal.shown(), /"?servers"?: ?\[\]/)
  })
})
