// Everything that can be wrong with a host, a download or a token, in a real systemd guest: the installer says what it is,
// what to do, and leaves the host as it found it.
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { enrol } from '../../agent/enrol.ts'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { differences, type Snapshot, takePristineSnapshot, takeSnapshot } from './snapshot.ts'
import { createCleanup, makeRelease, startServedCentral } from './world.ts'

const why = whyNoGuest()
const PAGE =
  '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Welcome to the hotel network</body></html>\n'
const LEFT = `ls -d /opt/mttrly /var/lib/mttrly* /etc/mttrly /etc/systemd/system/mttrly* /usr/local/sbin/mttrly-agent /run/mttrly* 2>/dev/null; getent passwd mttrly; systemctl list-units --all --no-legend --plain '*mttrly*'; ls -d /tmp/tmp.* 2>/dev/null; true`

type Tamper = (file: string, content: Buffer) => Buffer

/** The release as a host would get it from a mirror, with something done to it on its way. */
async function startMirror(cleanup: { after(hook: () => unknown): void }, directory: string) {
  let tamper: Tamper = (_file, content) => content
  const server = createServer((request, response) => {
    const file = (request.url ?? '').slice(1)
    try {
      response.end(tamper(file, readFileSync(join(directory, file))))
    } catch {
      response.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  cleanup.after(() => {
    server.closeAllConnections()
    return new Promise((closed) => server.close(closed))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tamper(next: Tamper) {
      tamper = next
    },
  }
}

const only =
  (name: RegExp, change: (content: Buffer) => Buffer): Tamper =>
  (file, content) =>
    name.test(file) ? change(content) : content
const flipped = (content: Buffer): Buffer => {
  const changed = Buffer.from(content)
  const at = changed.length >> 1
  changed[at] = (changed[at] ?? 0) ^ 1
  return changed
}

describe('what the installer refuses', { skip: why ?? false }, () => {
  const cleanup = createCleanup()
  after(cleanup.run)
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let mirror: Awaited<ReturnType<typeof startMirror>>
  let guest: Guest
  let pristine: Snapshot
  let installer = ''
  let token = ''

  before(async () => {
    world = await startServedCentral(cleanup)
    mirror = await startMirror(cleanup, world.releases)
    guest = await startGuest(cleanup)
    installer = await (await fetch(`${world.booted.url}/install.sh`)).text()
    token = (await world.newToken()).token
    writeFileSync(join(guest.root, 'root/install.sh'), installer)
    mkdirSync(join(guest.root, 'root/bin'))
    pristine = await takePristineSnapshot(guest)
  })

  /** Runs the installer; it must end with the code, say this, and leave nothing. */
  async function refused(code: number, says: RegExp, line = 'bash /root/install.sh --token-stdin', input = token) {
    const ended = await guest.sh(line, `${input}\n`)
    assert.match(ended.stderr, says)
    assert.equal(ended.code, code, ended.stderr)
    assert.equal(await guest.must(LEFT), '')
  }
  const fromMirror = () => `bash /root/install.sh --token-stdin --mirror ${mirror.url}`
  /** A program of the host that says something else than it should. */
  const fake = (name: string, script: string) =>
    writeFileSync(join(guest.root, 'root/bin', name), `#!/bin/bash\n${script}\n`, { mode: 0o755 })
  const WITH_FAKES = 'PATH=/root/bin:$PATH; '

  test('an installer cut at any byte does nothing', async () => {
    const end = Buffer.byteLength(installer)
    const steps = Array.from({ length: 24 }, (_, i) => Math.floor((end * i) / 24))
    for (const at of [...steps, end - 20, end - 10, end - 6, end - 4, end - 3, end - 2]) {
      writeFileSync(join(guest.root, 'root/cut.sh'), Buffer.from(installer).subarray(0, at))
      const piped = await guest.sh('bash -s -- --token-stdin', readFileSync(join(guest.root, 'root/cut.sh'), 'utf8'))
      assert.doesNotMatch(piped.stdout + piped.stderr, /^mttrly:/m, `cut at ${at}`)
    }
    assert.equal(await guest.must(LEFT), '')
  })

  test('a web page in the place of the manifest, an archive or the runtime', async () => {
    for (const name of [/manifest\.json/, /manifest\.sig/, /^mttrly-agent/, /^node-/]) {
      mirror.tamper(only(name, () => Buffer.from(PAGE)))
      await refused(4, /a web page came instead of/, fromMirror())
    }
  })

  test('a manifest that was changed, and one that another key has signed', async () => {
    mirror.tamper(only(/manifest\.json/, flipped))
    await refused(4, /the signature of the release is wrong/, fromMirror())
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const manifest = readFileSync(join(world.releases, 'manifest.json'))
    mirror.tamper(only(/manifest\.sig/, () => sign('sha256', manifest, privateKey)))
    await refused(4, /the signature of the release is wrong/, fromMirror())
    mirror.tamper(only(/manifest\.sig/, () => Buffer.alloc(0)))
    await refused(4, /the signature of the release is wrong/, fromMirror())
  })

  test('an archive that was changed or cut is not unpacked', async () => {
    for (const name of [/^mttrly-agent/, /^node-/])
      for (const change of [flipped, (content: Buffer) => content.subarray(0, content.length >> 1)]) {
        mirror.tamper(only(name, change))
        await refused(4, /it was not unpacked/, fromMirror())
      }
  })

  test('a release that has expired, and a mirror that lacks a file', async () => {
    const old = mkdtempSync(join(tmpdir(), 'mttrly-old-'))
    cleanup.after(() => rmSync(old, { recursive: true, force: true }))
    await makeRelease(old, '1.0.0', { expires: Date.now() - 1_000 })
    const small = ['manifest.json', 'manifest.sig']
    mirror.tamper((file, content) => (small.includes(file) ? readFileSync(join(old, file)) : content))
    await refused(4, /the release 1\.0\.0 has expired/, fromMirror())
    await refused(4, /is not there/, 'bash /root/install.sh --token-stdin --mirror /root/none')
    await refused(4, /cannot be downloaded/, `${fromMirror()}/none`)
    mirror.tamper((_file, content) => content)
  })

  test('a token that was used, is of another Central, is none, or is missing', async () => {
    const data = mkdtempSync(join(tmpdir(), 'mttrly-used-'))
    cleanup.after(() => rmSync(data, { recursive: true, force: true }))
    const used = (await world.newToken()).token
    const first = await enrol({
      central: world.booted.url,
      token: used,
      dataDirectory: data,
      replace: false,
      now: Date.now(),
    })
    assert.ok(first.ok)
    await refused(5, /Central did not take the token: AUTH_FAILED.*make a new one.*taken back/s, undefined, used)
    await refused(5, /of another Central/, undefined, `mtti_${'a'.repeat(43)}.${'0'.repeat(64)}`)
    await refused(2, /no install token/, undefined, '<html>')
    await refused(2, /an install token is needed/, 'bash /root/install.sh')
  })

  test('no room', async () => {
    await guest.must('mount -t tmpfs -o size=20m tmpfs /opt')
    await refused(3, /\/opt has 20 MB free, and \d+ MB are needed/)
    await guest.must('umount /opt')
  })

  test('another architecture, no systemd, an old one, a clock that is off, a missing tool, not root', async () => {
    fake('uname', 'echo riscv64')
    await refused(3, /no agent for riscv64/, `${WITH_FAKES}bash /root/install.sh --token-stdin`)
    rmSync(join(guest.root, 'root/bin/uname'))
    fake('date', '[ "$*" = +%s ] && exec /usr/bin/date -d "2 days ago" +%s; exec /usr/bin/date "$@"')
    await refused(
      3,
      /the clock of this host is 17\d{4} seconds away/,
      `${WITH_FAKES}bash /root/install.sh --token-stdin`,
    )
    rmSync(join(guest.root, 'root/bin/date'))
    fake('systemctl', '[ "$1" = --version ] && { echo "systemd 239 (239-1)"; exit; }; exec /usr/bin/systemctl "$@"')
    await refused(3, /systemd is 239/, `${WITH_FAKES}bash /root/install.sh --token-stdin`)
    rmSync(join(guest.root, 'root/bin/systemctl'))
    await refused(
      3,
      /does not run systemd/,
      "unshare -m bash -c 'mount -t tmpfs tmpfs /run/systemd; exec bash /root/install.sh --token-stdin'",
    )
    await refused(
      3,
      /missing here: openssl/,
      'cd /usr/bin; mv openssl openssl.away; bash /root/install.sh --token-stdin; code=$?; mv openssl.away openssl; exit $code',
    )
    await refused(
      3,
      /installed by root/,
      'cat /root/install.sh >/tmp/i.sh; setpriv --reuid 65534 bash /tmp/i.sh --token-stdin',
    )
  })

  test('a Central that does not answer', async () => {
    const elsewhere = installer.replace(`PUBLIC_URL='${world.booted.url}'`, "PUBLIC_URL='http://localhost:9'")
    writeFileSync(join(guest.root, 'root/elsewhere.sh'), elsewhere)
    await refused(4, /does not answer at http:\/\/localhost:9/, 'bash /root/elsewhere.sh --token-stdin')
  })

  test('a dry run says what would be done and does nothing', async () => {
    const { code, stdout } = await guest.sh('bash /root/install.sh --token-stdin --dry-run', `${token}\n`)
    assert.equal(code, 0)
    assert.match(stdout, /would install 1\.0\.0 for x64/)
    assert.match(stdout, /would enrol/)
    assert.equal(await guest.must(LEFT), '')
  })

  test('after all of it the host is what it was, byte by byte', async () => {
    assert.deepEqual(differences(pristine, await takeSnapshot(guest)), [])
  })

  test('the token was in no argument and in no environment, and the same host installs from a directory', async () => {
    mkdirSync(join(guest.root, 'root/release'))
    await guest.must(
      `cd /root/release && for f in manifest.json manifest.sig $(sed -n 's/.*"arch":"x64","file":"\\([^"]*\\)".*/\\1/p' <(curl -fsS ${mirror.url}/manifest.json)); do curl -fsS -O ${mirror.url}/$f; done`,
    )
    writeFileSync(join(guest.root, 'root/token'), `${token}\n`, { mode: 0o600 })
    const look = 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n" | grep -aF -f /root/token'
    writeFileSync(
      join(guest.root, 'root/watch.sh'),
      `while :; do ${look} && touch /root/seen; echo >>/root/looks; sleep 0.05; done\n`,
    )
    const { code, stdout, stderr } = await guest.sh(
      'bash /root/watch.sh & bash /root/install.sh --token-file /root/token --mirror /root/release; code=$?; kill $!; exit $code',
    )
    assert.equal(code, 0, stdout + stderr)
    await world.untilOnline(1)
    assert.ok(readFileSync(join(guest.root, 'root/looks')).length > 5)
    assert.ok(!existsSync(join(guest.root, 'root/seen')))
    assert.equal(await guest.must(`grep -rlsF -f /root/token /var/lib /etc /opt /run /tmp 2>/dev/null || true`), '')
  })
  test('a newer version that fails leaves the one before in place; then it is taken, and an older one is not', async () => {
    await makeRelease(world.releases, '1.1.0')
    const state =
      'readlink /opt/mttrly/current; ls /opt/mttrly/versions; mttrly-agent status | grep -o "state\\":\\"up"'
    const failed = await guest.sh('bash /root/install.sh --token-stdin --replace', `${token}\n`)
    assert.equal(failed.code, 5, failed.stderr)
    assert.match(failed.stderr, /1\.0\.0 is in place again/)
    const up = 'for i in $(seq 300); do grep -qs \'"up"\' /run/mttrly-agent/link.json && break; sleep 0.1; done; '
    assert.equal(await guest.must(up + state), 'versions/1.0.0\n1.0.0\nstate":"up')

    const taken = await guest.sh('bash /root/install.sh')
    assert.equal(taken.code, 0, taken.stderr)
    assert.equal(await guest.must(state), 'versions/1.1.0\n1.0.0\n1.1.0\nstate":"up')
    assert.equal((await world.servers()).filter(({ agentVersion }) => agentVersion === '1.1.0').length, 1)

    const older = await guest.sh('bash /root/install.sh --mirror /root/release')
    assert.equal(older.code, 4)
    assert.match(older.stderr, /this host has 1\.1\.0, and the release is only 1\.0\.0/)
  })
})
