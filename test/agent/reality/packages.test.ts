import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { indexPackages, parseApk, parseDpkg, parseRpm, upstreamOf } from '../../../agent/reality/packages/database.ts'
import { parseAptHistory, parseDnfLog, parseDpkgLog } from '../../../agent/reality/packages/log.ts'
import { parseLocks, parseUpdatesAvailable } from '../../../agent/reality/packages/state.ts'

describe('package databases', () => {
  it('dpkg: what is installed, and what is so by half', () => {
    const text = [
      'Package: a\nStatus: install ok installed\nVersion: 1:2.0-1\nDescription: x\n Version: 9',
      'Package: b\nStatus: install reinstreq half-installed\nVersion: 1',
      'Package: c\nStatus: deinstall ok config-files\nVersion: 1',
      'Package: bad name;\nStatus: install ok installed\nVersion: 1',
    ].join('\n\n')
    assert.deepEqual(parseDpkg(text), [
      { name: 'a', version: '1:2.0-1' },
      { name: 'b', version: '1', broken: 'install reinstreq half-installed' },
    ])
  })
  it('apk and rpm', () => {
    assert.deepEqual(parseApk('C:x\nP:musl\nV:1.2.5-r0\n\nP:only-name\n'), [{ name: 'musl', version: '1.2.5-r0' }])
    assert.deepEqual(parseRpm('httpd\t2.4.57-11.el9_4.1\t1717000000\ngpg-pubkey\t1-1\t1\nerror: cannot open\n'), [
      { name: 'httpd', version: '2.4.57-11.el9_4.1', installedAt: 1_717_000_000_000 },
    ])
  })
  it('tell the version of the makers', () => {
    assert.deepEqual(
      ['1:3.11.2-6+deb12u3', '5:7.0.15-1~deb12u1', '20.15.1-r0', '2.4.57-11.el9', 'master', undefined].map(upstreamOf),
      ['3.11.2', '7.0.15', '20.15.1', '2.4.57', 'master', undefined],
    )
    assert.equal(indexPackages('dpkg', [{ name: 'a', version: '1:2.0-1' }]).upstream('a'), '2.0')
  })
})

describe('package logs', () => {
  it('dpkg says what, apt says who', () => {
    const [upgrade, install, remove] = parseDpkgLog(
      '2024-06-10 09:58:01 upgrade nginx:amd64 1-1 1-2\n2024-06-10 09:58:02 status installed nginx:amd64 1-2\n2024-06-10 09:58:05 install x:all <none> 3\n2024-06-10 10:00:00 remove y:all 1 <none>\n',
    )
    assert.deepEqual([upgrade?.subject, upgrade?.from, upgrade?.to], ['nginx', '1-1', '1-2'])
    assert.deepEqual([install?.from, install?.to, remove?.from, remove?.to], [undefined, '3', '1', undefined])
    const [transaction] = parseAptHistory(
      '\nStart-Date: 2024-06-10  09:57:59\nCommandline: apt-get upgrade\nRequested-By: deploy (1000)\nEnd-Date: 2024-06-10  09:58:06\n',
    )
    assert.equal(transaction?.by, 'apt-get upgrade, by deploy (1000)')
    assert.equal((transaction?.to ?? 0) - (transaction?.from ?? 0), 7_000)
  })
  it('dnf knows its zone', () => {
    assert.deepEqual(
      parseDnfLog('2024-06-09T08:00:11+0200 SUBDEBUG Installed: mariadb-server-3:10.5.22-1.el9.x86_64\n', 's'),
      [{ subject: 'mariadb-server', at: Date.UTC(2024, 5, 9, 6, 0, 11), to: '3:10.5.22-1.el9', source: 's' }],
    )
  })
})

describe('package state', () => {
  it('sees who holds a lock', () => {
    assert.deepEqual(
      [...parseLocks('1: POSIX  ADVISORY  WRITE 1234 fe:01:5678 0 EOF\n2: FLOCK  ADVISORY  READ -1 00:19:77 0 EOF\n')],
      [
        ['5678', 1234],
        ['77', -1],
      ],
    )
  })
  it('takes the count that the distribution made', () => {
    assert.deepEqual(
      parseUpdatesAvailable(
        '\n37 updates can be applied immediately.\n12 of these updates are standard security updates.\n',
      ),
      { all: 37, security: 12 },
    )
    assert.equal(parseUpdatesAvailable('nothing'), undefined)
  })
})
