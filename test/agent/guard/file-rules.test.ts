import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  compileFileRules,
  DEFAULT_FILES,
  type FileRules,
  refuseRead,
  refuseWrite,
} from '../../../agent/guard/file-rules.ts'
import { matchesPath, parseGlob } from '../../../agent/guard/glob.ts'

function rulesOf(given?: unknown): FileRules {
  const answer = compileFileRules(given)
  assert.ok(answer.ok)
  return answer.rules
}
const matches = (glob: string, path: string): boolean => matchesPath(parseGlob(glob) ?? [], path)

describe('patterns', () => {
  it('stay within a component, except **', () => {
    assert.ok(matches('/etc/*.conf', '/etc/sysctl.conf'))
    assert.ok(!matches('/etc/*.conf', '/etc/x/sysctl.conf'))
    assert.ok(matches('/var/log/**', '/var/log'))
    assert.ok(matches('/var/log/**', '/var/log/a/b/c'))
    assert.ok(!matches('/var/log/**', '/var/log-evil/a'))
    assert.ok(!matches('/var/log/**', '/var/logs'))
    assert.ok(matches('/**/.ssh/**', '/srv/x/.ssh/id'))
    assert.ok(matches('/srv/**/conf/*.yml', '/srv/conf/a.yml'))
    assert.ok(matches('/a?c', '/abc') && !matches('/a?c', '/ac') && !matches('/a?c', '/a/c'))
    assert.ok(matches('/x/*', '/x/.env'))
    assert.ok(!matches('/a.b', '/axb'), 'a dot is a dot')
  })
  it('are refused where they could be mistaken', () => {
    for (const text of [
      'etc/x',
      '/',
      '//x',
      '/a//b',
      '/a/../b',
      '/a/./b',
      '/a/**b',
      '/a/{b,c}',
      '/a/[bc]',
      '/a\\b',
      '/a\0',
      '',
    ])
      assert.equal(parseGlob(text), undefined, text)
  })
  it('take no time, whatever they are', () => {
    const glob = parseGlob(`/${'*a'.repeat(100)}b`) ?? []
    assert.equal(matchesPath(glob, `/${'a'.repeat(4000)}`), false)
    const deep = parseGlob(`${'/**/a'.repeat(40)}/b`) ?? []
    assert.equal(matchesPath(deep, '/a'.repeat(2000)), false)
  })
})

describe('file rules', () => {
  it('are the defaults where the host says nothing', () => {
    const rules = rulesOf()
    const may = (path: string, ring: 'normal' | 'privileged' = 'normal') => refuseRead(rules, path, ring) ?? 'may'
    assert.equal(may('/var/log/syslog'), 'may')
    assert.equal(may('/etc/nginx/sites-enabled/default'), 'may')
    assert.equal(may('/srv/shop/.env'), 'may')
    assert.equal(may('/etc/sudoers.d/deploy'), 'not_allowlisted')
    assert.equal(may('/etc/sudoers.d/deploy', 'privileged'), 'may')
    assert.equal(may('/root/.ssh/authorized_keys'), 'secret')
    assert.equal(may('/root/.ssh/authorized_keys', 'privileged'), 'may')
    assert.equal(may('/home/eve/.ssh/authorized_keys', 'privileged'), 'may')
    assert.equal(may('/root/.bashrc', 'privileged'), 'not_allowlisted')
    for (const secret of [
      '/etc/shadow',
      '/root/.ssh/id_rsa',
      '/srv/app/.ssh/id_rsa',
      '/opt/x/.aws/credentials',
      '/etc/mttrly/policy.yaml',
      '/etc/letsencrypt/archive/x/privkey1.pem',
    ])
      assert.equal(may(secret, 'privileged'), 'secret', secret)
  })
  it('are the host’s where it has some, with the defaults where it says default', () => {
    const own = rulesOf({ read: ['/data/**'] })
    assert.equal(refuseRead(own, '/data/x', 'normal'), undefined)
    assert.equal(refuseRead(own, '/etc/hosts', 'normal'), 'not_allowlisted')
    const both = rulesOf({ read: ['default', '/data/**'], denied: ['/data/keys', '/var/log/*/private'] })
    assert.equal(refuseRead(both, '/etc/hosts', 'normal'), undefined)
    assert.equal(refuseRead(both, '/data/keys/a/b', 'normal'), 'denied_by_host')
    assert.equal(refuseRead(both, '/var/log/app/private/x', 'normal'), 'denied_by_host')
    assert.equal(refuseRead(both, '/data/keys2', 'normal'), undefined)
    assert.equal(refuseRead(rulesOf({ read: [], managed: [] }), '/var/log/syslog', 'normal'), 'not_allowlisted')
  })
  it('never open a secret, whatever they say', () => {
    const wide = rulesOf({ read: ['/**'], privileged: ['/**', '/etc/shadow'], managed: ['/**', '/etc/shadow'] })
    for (const secret of [
      '/etc/shadow',
      '/root/.ssh/id_ed25519',
      '/var/lib/mttrly/identity/key.pem',
      '/var/lib/mttrly-act/trust.json',
    ]) {
      assert.equal(refuseRead(wide, secret, 'privileged'), 'secret', secret)
      assert.ok(refuseWrite(wide, secret), secret)
    }
  })
  it('are refused as a whole when they cannot be understood', () => {
    for (const files of [
      [],
      'x',
      7,
      null,
      { reads: [] },
      { read: '/x' },
      { read: ['x'] },
      { read: [7] },
      { denied: ['/a/{b}'] },
      { managed: null },
    ])
      assert.equal(compileFileRules(files).ok, false, JSON.stringify(files))
  })
  it('allow writing where files are managed, and at points of persistence only by name', () => {
    const rules = rulesOf()
    assert.equal(refuseWrite(rules, '/etc/nginx/nginx.conf'), undefined)
    assert.equal(refuseWrite(rules, '/srv/app/config.yml'), undefined)
    assert.equal(refuseWrite(rules, '/etc/hosts'), 'not_allowlisted')
    const wide = rulesOf({
      managed: ['/**', '/etc/cron.d/shop', '/etc/mttrly/policy.yaml', '/home/eve/.ssh/authorized_keys'],
    })
    const points = [
      '/etc/cron.d/x',
      '/etc/crontab',
      '/var/spool/cron/crontabs/root',
      '/etc/systemd/system/x.service',
      '/lib/systemd/system/x.service',
      '/etc/sudoers',
      '/etc/sudoers.d/x',
      '/etc/ld.so.preload',
      '/etc/ld.so.conf.d/x.conf',
      '/etc/passwd',
      '/root/.bashrc',
      '/home/eve/.profile',
      '/etc/profile.d/x.sh',
      '/usr/bin/ls',
      '/etc/pam.d/sshd',
      '/etc/udev/rules.d/x.rules',
      '/srv/app/.git/hooks/post-merge',
      '/etc/logrotate.d/x',
      '/boot/grub/grub.cfg',
      '/etc/ssh/sshd_config',
      '/proc/sys/kernel/core_pattern',
    ]
    for (const point of points) assert.equal(refuseWrite(wide, point), 'persistence_point', point)
    assert.equal(refuseWrite(wide, '/root/.ssh/authorized_keys'), 'secret')
    assert.equal(refuseWrite(wide, '/home/eve/.ssh/authorized_keys'), undefined)
    assert.equal(refuseWrite(wide, '/etc/cron.d/shop'), undefined)
    for (const ours of [
      '/etc/mttrly/policy.yaml',
      '/opt/mttrly/current',
      '/var/lib/mttrly-act/trust.json',
      '/etc/systemd/system/mttrly-agent.service',
      '/etc/systemd/system/mttrly-lane-read@.service.d/x.conf',
    ])
      assert.equal(refuseWrite(wide, ours), 'ours', ours)
  })
  it('have defaults that hold no secret and no point of persistence to be written', () => {
    const rules = rulesOf()
    for (const ring of [DEFAULT_FILES.read, DEFAULT_FILES.privileged])
      assert.ok(ring.every((text) => text.startsWith('/')))
    for (const path of ['/opt/mttrly/current/agent.mjs', '/var/log/mttrly', '/etc/nginx'])
      assert.equal(refuseWrite(rules, path) === 'ours', path.startsWith('/opt/mttrly'))
  })
})
