import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firstNames } from '../../../agent/reading/mounts.ts'

const MOUNTINFO = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:2 / /var/log rw - ext4 /dev/sda2 rw
31 22 0:20 / /run rw - tmpfs tmpfs rw
40 22 8:1 /etc /srv/etc rw - ext4 /dev/sda1 rw
41 22 8:1 /etc /etc ro - ext4 /dev/sda1 rw
42 22 8:2 /app /srv/with\\040space rw - ext4 /dev/sda2 rw
43 22 0:20 /systemd/inaccessible/reg /etc/shadow ro - tmpfs tmpfs rw
50 22 0:30 /@ /data rw - btrfs /dev/sdb rw
51 50 0:30 /@logs /data/logs rw - btrfs /dev/sdb rw
`

describe('the first name of a path', () => {
  const firstName = firstNames(MOUNTINFO)
  for (const [path, expected] of [
    ['/etc/hosts', '/etc/hosts'],
    ['/srv/app', '/srv/app'],
    ['/var/log/x', '/var/log/x'],
    ['/etc/shadow', '/etc/shadow'],
    ['/srv/etc/shadow', '/etc/shadow'],
    ['/srv/etc', '/etc'],
    ['/srv/etcetera', '/srv/etcetera'],
    ['/srv/with space/x', '/var/log/app/x'],
    ['/data/logs/x', '/data/logs/x'],
  ] as const)
    it(`of ${path}`, () => assert.equal(firstName(path), expected))
  it('is the path where nothing can be told', () => assert.equal(firstNames('')('/x'), '/x'))
})
