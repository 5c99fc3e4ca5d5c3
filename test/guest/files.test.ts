// Files of an installed host, through the tools and as an account that has been taken over: what is read, and what no way
// leads to.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { saying } from './lanes.ts'
import { createCleanup, startServedCentral } from './world.ts'

const TOKEN = `ghp_${'a1B2c3D4e5'.repeat(4)}`.slice(0, 40)
const SETUP = `
  mkdir -p -m 700 /root/.ssh; echo 'ssh-ed25519 AAAA root@desk' >/root/.ssh/authorized_keys
  mkdir -p /etc/sudoers.d; echo 'alice ALL=(ALL) NOPASSWD: /usr/bin/true' >/etc/sudoers.d/alice
  chmod 440 /etc/sudoers.d/alice
  seq -f 'line %g' 1 1000 >/var/log/app.log; chmod 600 /var/log/app.log
  seq -f 'old %g' 1 10 | gzip >/var/log/app.log.1.gz
  mkdir -p /srv/app/src /srv/app/dist /etc/nginx
  printf 'GH_TOKEN=${TOKEN}\\nplain=1\\n' >/srv/app/.env
  printf 'a\\nb\\n' >/etc/nginx/one.conf; printf 'a\\nc\\n' >/etc/nginx/two.conf
  echo same | tee /srv/app/src/a.css >/srv/app/dist/a.css; echo new >/srv/app/src/b.css; echo old >/srv/app/dist/b.css
  systemd-run -q --wait --unit=talker /bin/sh -c 'echo said-by-talker'
  ln -s /etc/shadow /var/log/link; ln -s /etc /var/log/etc; ln /etc/shadow /srv/hard; mkfifo /var/log/pipe
  mkdir /var/log-evil; echo evil >/var/log-evil/x; truncate -s 1T /var/log/sparse; ln -s /proc/self/environ /var/log/env
  mkdir /srv/bound; mount --bind /var/lib/mttrly-act /srv/bound
  mkdir /srv/etc; mount --bind /etc /srv/etc`

describe('files of an installed host', { skip: whyNoGuest() ?? false }, () => {
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let server_id = ''

  const cleanup = createCleanup()
  after(cleanup.run)
  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    const { command } = await world.newToken()
    await guest.must(command)
    await world.untilOnline(1)
    await guest.must(SETUP)
    server_id = (await world.servers())[0]?.id ?? ''
  })

  const value = (tool: string, args: object) => world.mcp.value(tool, { server_id, ...args })
  async function refused(tool: string, args: object): Promise<string> {
    const got = await world.mcp.call(tool, { server_id, ...args })
    assert.ok(!got.ok, `${tool} ${JSON.stringify(args)} was answered: ${JSON.stringify(got)}`)
    return `${got.error.code} ${(got.error.details as { reason?: string } | undefined)?.reason ?? ''}`.trim()
  }

  describe('are read without an approval', () => {
    test('the tail of a log that only root may read, and on by its cursor', async () => {
      const tail = await value('read_file', { path: '/var/log/app.log', lines: 2 })
      assert.deepEqual([tail.content, tail.truncated], ['line 999\nline 1000\n', false])
      const first = await value('read_file', { path: '/var/log/app.log', lines: 2, from: 'head' })
      const next = await value('read_file', { path: '/var/log/app.log', lines: 2, cursor: first.next_cursor })
      assert.equal(next.content, 'line 3\nline 4\n')
    })
    test('what was rotated and packed', async () => {
      const { content, packed } = await value('read_file', { path: '/var/log/app.log.1.gz', lines: 1 })
      assert.deepEqual([content, packed], ['old 10\n', 'gzip'])
    })
    test('the journal of a unit', async () => {
      const { content } = await value('read_file', { path: 'journal:talker.service' })
      assert.match(String(content), /said-by-talker/)
    })
    test('what only root reads, by the tool for it', async () => {
      const path = '/etc/sudoers.d/alice'
      assert.equal(await refused('read_file', { path }), 'POLICY_DENIED not_allowlisted')
      const { content } = await value('read_privileged_file', { path })
      assert.match(String(content), /^alice ALL=/)
    })
    test('settings, without the secrets in them', async () => {
      const { content, redactions } = await value('read_file', { path: '/srv/app/.env' })
      assert.match(String(content), /^GH_TOKEN=\[redacted:.*\nplain=1\n$/)
      assert.equal(redactions, 1)
    })
    test('by searching, diffing and comparing', async () => {
      const found = await value('search_files', { path: '/var/log', query: 'line 77', glob: '*.log' })
      assert.equal((found.hits as unknown[]).length, 11)
      const { diff } = await value('diff_file', { from_path: '/etc/nginx/one.conf', to_path: '/etc/nginx/two.conf' })
      assert.match(String(diff), /^-b\n\+c$/m)
      const paths = { source_path: '/srv/app/src', dist_path: '/srv/app/dist' }
      const { verdict, stale } = await value('compare_source_to_dist', paths)
      assert.deepEqual([verdict, stale], ['stale', { count: 1, names: ['b.css'] }])
    })
  })

  /** Attack class B: each path, and why it is refused. */
  const ATTACKS: readonly (readonly [path: string, why: RegExp])[] = [
    ['/etc/shadow', /secret/],
    ['/var/log/link', /secret/],
    ['/var/log/etc/shadow', /secret/],
    ['/var/log/../../etc/shadow', /VALIDATION_ERROR/],
    ['//etc//shadow', /secret/],
    ['/srv/hard', /another_name_of_a_secret|hard_link/],
    ['/srv/bound/trust.json', /another_name_of_a_secret|secret|hidden_from_lane|hard_link|not_readable/],
    ['/srv/etc/shadow', /secret/],
    ['/var/log-evil/x', /not_allowlisted/],
    ['/var/log/pipe', /not_a_file/],
    ['/var/log', /not_a_file/],
    ['/var/log/env', /not_allowlisted/],
    ['/proc/self/root/etc/shadow', /not_allowlisted|secret/],
    ['/proc/1/environ', /not_allowlisted/],
    ['/dev/sda', /not_allowlisted/],
    ['/etc/mttrly/policy.yaml', /secret/],
    ['/var/lib/mttrly/identity.json', /secret/],
    ['/var/lib/mttrly-act/trust.json', /secret/],
    ['/root/.ssh/id_ed25519', /secret/],
  ]
  describe('are not read by any way around the rules', () => {
    for (const tool of ['read_file', 'read_privileged_file'])
      test(tool, async () => {
        for (const [path, why] of ATTACKS) assert.match(await refused(tool, { path }), why, path)
      })
    test('nor found by a search, nor by its questions about a secret', async () => {
      for (const query of ['root:*', 'root:!', TOKEN, TOKEN.slice(0, 8)]) {
        const found = await value('search_files', { path: '/srv', query })
        assert.deepEqual(found.hits, [], query)
      }
    })
    test('nor by the daemon’s account, taken over', async () => {
      const ask = async (question: object): Promise<string> =>
        (await guest.sh(saying('/run/mttrly/inspect.sock', { do: 'files', json: JSON.stringify(question) }))).stdout
      const read = { do: 'read', ring: 'privileged', wanted: { kind: 'tail', lines: 9 }, maxBytes: 1000 }
      assert.match(await ask({ ...read, path: '/var/log/app.log' }), /line 1000/)
      for (const [path, why] of ATTACKS.slice(0, 9)) assert.match(await ask({ ...read, path }), why, path)
      const nonsense = [
        { do: 'write', path: '/srv/x' },
        { ...read, path: 7 },
        { ...read, path: '/var/log/x', ring: 'managed' },
      ]
      for (const question of nonsense) assert.match(await ask(question), /VALIDATION_ERROR/, JSON.stringify(question))
      assert.match(await ask({ do: 'journal', unit: '--file=/etc/shadow', lines: 1 }), /VALIDATION_ERROR/)
    })
    test('what the unit hides stays hidden, and the refusal says so', async () => {
      const path = '/root/.ssh/authorized_keys'
      assert.equal(await refused('read_privileged_file', { path }), 'POLICY_DENIED hidden_from_lane')
    })
  })

  async function approved(tool: string, args: object): Promise<Record<string, unknown>> {
    const { action_id } = await value(tool, args)
    await world.approve(String(action_id))
    return world.mcp.value('get_action_result', { action_id, wait_s: 30 })
  }
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const FILE = '/srv/app/settings.conf'
  const stand = (): Promise<string> => guest.must(`cat ${FILE}; stat -c '%U %a' ${FILE}`)

  describe('are changed with an approval', () => {
    before(() => guest.must(`echo before >${FILE}; chown www-data ${FILE}; chmod 640 ${FILE}`))

    test('written in place, and brought back by one more approval', async () => {
      const done = await approved('write_file', { path: FILE, content_base64: base64('after\n') })
      assert.equal(done.status, 'succeeded', JSON.stringify(done))
      assert.equal(await stand(), 'after\nwww-data 640')
      const [undo] = /mttrly-agent undo \S+/.exec(String(done.output)) ?? []
      assert.ok(undo, JSON.stringify(done))
      const undone = await approved('execute_command', { command: undo })
      assert.equal(undone.status, 'succeeded', JSON.stringify(undone))
      assert.equal(await stand(), 'before\nwww-data 640')
    })
    test('not when the file has changed since it was shown', async () => {
      const { action_id } = await value('write_file', { path: FILE, content_base64: base64('after\n') })
      await guest.must(`echo meanwhile >${FILE}`)
      await world.approve(String(action_id))
      const done = await world.mcp.value('get_action_result', { action_id, wait_s: 30 })
      assert.deepEqual([done.status, done.exit_code], ['failed', 4])
      assert.match(String(done.output), /changed_since/)
      assert.equal(await stand(), 'meanwhile\nwww-data 640')
    })
    test('made anew, and deleted', async () => {
      const path = '/srv/app/new.bin'
      const content_base64 = Buffer.alloc(200 * 1024, 7).toString('base64')
      assert.equal((await approved('write_file', { path, content_base64 })).status, 'succeeded')
      assert.equal(await guest.must(`stat -c '%s %U %a' ${path}`), '204800 root 644')
      const gone = await approved('cleanup_file', { path })
      assert.equal(gone.status, 'succeeded', JSON.stringify(gone))
      assert.equal((await guest.sh(`test -e ${path}`)).code, 1)
    })
    test('never where something would be run or believed later', async () => {
      await guest.must('ln -s /etc/cron.d /srv/app/cron; ln -s /etc/ld.so.preload /srv/app/preload')
      for (const [path, why] of [
        ['/etc/cron.d/x', /persistence_point/],
        ['/srv/app/cron/x', /persistence_point/],
        ['/srv/app/preload', /persistence_point/],
        ['/etc/systemd/system/x.service', /persistence_point/],
        ['/root/.ssh/authorized_keys', /persistence_point|secret|hidden_from_lane/],
        ['/etc/mttrly/policy.yaml', /ours/],
        ['/opt/mttrly/current/agent.mjs', /ours/],
        ['/etc/hosts', /not_allowlisted/],
        ['/srv/hard', /hard_link|another_name/],
        ['/srv/etc/cron.d/x', /persistence_point/],
        ['/srv/bound/trust.json', /ours|secret|another_name|hidden_from_lane|not_readable/],
      ] as const)
        for (const tool of ['write_file', 'cleanup_file'])
          assert.match(await refused(tool, { path, ...(tool === 'write_file' && { content_base64: '' }) }), why, path)
    })
  })

  describe('scripts', () => {
    const path = '/usr/local/lib/mttrly-scripts/tidy'
    before(() =>
      guest.must(
        `mkdir -p /usr/local/lib/mttrly-scripts; printf '#!/bin/bash\\necho tidied $1 by $(id -un); exit 5\\n' >${path}; ln -s ${path} /srv/tidy`,
      ),
    )
    test('inline, with what it prints and how it ends', async () => {
      const script = 'for word in "$@"; do echo "<$word>"; done; pwd; exit 3'
      const done = await approved('execute_script', { script, args: ['a b', '$HOME'], cwd: '/srv' })
      assert.deepEqual([done.exit_code, done.output], [3, '<a b>\n<$HOME>\n/srv\n'])
      const perl = await approved('execute_script', { script: 'print "$ARGV[0]\\n"', interpreter: 'perl', args: ['x'] })
      assert.deepEqual([perl.status, perl.output], ['succeeded', 'x\n'])
    })
    test('managed, if it is still the one that was shown', async () => {
      const done = await approved('execute_script', { path, args: ['all'] })
      assert.deepEqual([done.exit_code, done.output], [5, 'tidied all by root\n'])
      const { action_id } = await value('execute_script', { path })
      await guest.must(`echo 'touch /srv/ran' >>${path}`)
      await world.approve(String(action_id))
      const drifted = await world.mcp.value('get_action_result', { action_id, wait_s: 30 })
      assert.deepEqual([drifted.exit_code, /changed_since/.test(String(drifted.output))], [4, true])
      assert.equal(await guest.must('ls -d /srv/ran /var/lib/mttrly-act/script-* 2>/dev/null || true'), '')
    })
    test('only of the directories that the owner of the host names', async () => {
      for (const other of ['/bin/ls', '/srv/app/.env', '/etc/shadow'])
        assert.match(await refused('execute_script', { path: other }), /not_allowlisted|secret/, other)
    })
  })

  test('a gigabyte is read and searched in little memory', async (t) => {
    if ((await guest.sh('test -e /sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes')).code !== 0)
      return t.skip('the guest cannot bound memory')
    const unit = '/run/systemd/system/mttrly-lane-inspect@.service.d/memory.conf'
    await guest.must(`printf '[Service]\\nMemoryMax=128M\\n' >${unit}; systemctl daemon-reload
      yes 'GET /index.html 200 some words of an ordinary line in a log' | head -c 1G >/var/log/big.log; echo >>/var/log/big.log; echo needle-at-the-end >>/var/log/big.log`)
    const tail = await value('read_file', { path: '/var/log/big.log', lines: 1 })
    assert.equal(tail.content, 'needle-at-the-end\n')
    const sparse = await value('read_file', { path: '/var/log/sparse', lines: 1 })
    assert.equal(String(sparse.content).length, 0)
    assert.deepEqual([sparse.content, sparse.truncated_by, sparse.size_bytes], ['', 'long_line', 2 ** 40])
    const began = Date.now()
    const found = await value('search_files', { path: '/var/log/big.log', query: 'needle-at-the-end' })
    t.diagnostic(`1 GB searched in ${Date.now() - began} ms, within 128 MB: ${JSON.stringify(found.hits)}`)
    assert.ok((found.hits as unknown[]).length === 1 || found.truncated)
    await guest.must(`rm ${unit} /var/log/big.log; systemctl daemon-reload`)
  })

  test('the owner of the host opens more, and closes what was open', async () => {
    const policy = '/etc/mttrly/policy.yaml'
    await guest.must(
      `cp ${policy} /root/policy.yaml; cat >${policy}`,
      'files:\n  read: [default, /var/log-evil/**]\n  denied: [/var/log/app.log]\n',
    )
    assert.equal((await value('read_file', { path: '/var/log-evil/x' })).content, 'evil\n')
    assert.equal(await refused('read_file', { path: '/var/log/app.log' }), 'POLICY_DENIED denied_by_host')
    await guest.must(`echo 'files: { read: everything }' >${policy}`)
    assert.match(await refused('read_file', { path: '/var/log/app.log.1.gz' }), /POLICY_DENIED policy.yaml files.read/)
    await guest.must(`cp /root/policy.yaml ${policy}`)
  })
})
