// Hosts that are not like the others: one without curl, and one that reaches Central over a proxy alone.
import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { createCleanup, startServedCentral } from './world.ts'

/** An HTTP proxy (RFC 9110, sections 7.1 and 9.3.6) that notes what it was asked for. */
async function startProxy(cleanup: { after(hook: () => unknown): void }) {
  const seen: string[] = []
  const proxy = createServer((asked, answer) => {
    seen.push(new URL(asked.url ?? '').pathname)
    const onward = request(asked.url ?? '', { method: asked.method ?? 'GET', headers: asked.headers }, (came) => {
      answer.writeHead(came.statusCode ?? 502, came.headers)
      came.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    asked.pipe(onward)
  })
  proxy.on('connect', ({ url = '' }, socket) => {
    seen.push(`CONNECT ${url}`)
    const { hostname, port } = new URL(`http://${url}`)
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    for (const end of [onward, socket]) end.on('error', () => [onward, socket].map((one) => one.destroy()))
  })
  proxy.listen(0, '127.0.0.1')
  await new Promise((listening) => proxy.once('listening', listening))
  cleanup.after(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return { seen, url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }
}

describe('the installer on a host', { skip: whyNoGuest() ?? false }, () => {
  const cleanup = createCleanup()
  after(cleanup.run)
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest

  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    await guest.must('apt-get -qq update && apt-get -qq install -y --no-install-recommends wget >/dev/null')
    await guest.must('mv /usr/bin/curl /root/curl; ! command -v curl')
  })

  const script = async () => (await fetch(`${world.booted.url}/install.sh`)).text()

  test('with wget in the place of curl', async () => {
    const { token } = await world.newToken()
    const line = `{ wget -qO- '${world.booted.url}/install.sh' && printf '%s\\n' '${token}'; } | bash -s -- --token-stdin`
    const { code, stdout, stderr } = await guest.sh(line)
    assert.equal(code, 0, stdout + stderr)
    await world.untilOnline(1)
    await guest.must('mttrly-agent uninstall')
    await world.untilOnline(0)
  })

  test('with wget, says why a download failed', async () => {
    const { token } = await world.newToken()
    const gone = (await script()).replace(/^PUBLIC_URL=.*/m, "PUBLIC_URL='http://127.0.0.1:9'")
    const { code, stderr } = await guest.sh('bash -s -- --token-stdin', `${gone}${token}\n`)
    assert.equal(code, 4, stderr)
    assert.match(stderr, /127\.0\.0\.1:9/)
    assert.equal((await guest.sh('ls /opt/mttrly')).code, 2)
  })

  for (const program of ['wget', 'curl']) {
    test(`over a proxy, with ${program}`, async () => {
      if (program === 'curl') await guest.must('mv /root/curl /usr/bin/curl')
      const proxy = await startProxy(cleanup)
      const { token } = await world.newToken()
      const { code, stdout, stderr } = await guest.sh(
        `bash -s -- --token-stdin --proxy ${proxy.url}`,
        `${await script()}${token}\n`,
      )
      assert.equal(code, 0, stdout + stderr)
      await world.untilOnline(1)
      const asked = new Set(proxy.seen)
      for (const path of ['/v1/version', '/releases/manifest.json', '/releases/manifest.sig'])
        assert.ok(asked.has(path), `${path} did not go over the proxy: ${proxy.seen.join(' ')}`)
      const { host } = new URL(world.booted.url)
      assert.ok(asked.has('/v1/enrol') || asked.has(`CONNECT ${host}`), `enrolment: ${proxy.seen.join(' ')}`)
      await guest.must('mttrly-agent uninstall')
      await world.untilOnline(0)
    })
  }
})
