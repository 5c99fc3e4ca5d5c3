import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Rule } from '#proto/verbs/rules.ts'
import { verbOf } from '#proto/verbs/verb-of.ts'
import { VERB_PROGRAMS } from '#proto/verbs/verbs.ts'

const rulesBelow = (rule: Rule): Rule[] => [rule, ...Object.values(rule.verbs ?? {}).flatMap(rulesBelow)]
const kindsOf = ({ values, attached, leading, rest }: Rule) => [
  ...Object.values({ ...values, ...attached }),
  ...(leading ?? []),
  ...(rest ? [rest] : []),
]
const words = (line: string): string[] => line.split(' ')

describe('verbs, as the host looks them up', () => {
  it('are what the table says', () => {
    for (const [line, verb] of [
      ['systemctl status nginx -n 50', 'systemctl status'],
      ['/usr/bin/systemctl --no-pager status nginx.service', 'systemctl status'],
      ['systemctl', 'systemctl list-units'],
      ['journalctl -u nginx -n 50 --no-pager', 'journalctl'],
    ] as const) {
      const found = verbOf(words(line))
      assert.ok('verb' in found && found.lane === 'inspect', line)
      assert.equal(found.verb, verb)
    }
  })

  it('have no option that writes, goes elsewhere or starts a program', () => {
    for (const line of [
      'systemctl stop nginx',
      'systemctl restart nginx',
      'systemctl edit nginx',
      'systemctl set-property nginx MemoryMax=1',
      'systemctl -H root@example.org status nginx',
      'systemctl --host=example.org status nginx',
      'systemctl -M box status nginx',
      'systemctl --root=/srv status nginx',
      'systemctl --image=/srv/disk cat nginx',
      'systemctl status nginx --now',
      'systemctl --user status nginx',
      'systemctl cat /etc/shadow',
      'systemctl show -- nginx --host=x',
      'journalctl --vacuum-size=1M',
      'journalctl --vacuum-time=1s',
      'journalctl --rotate',
      'journalctl --flush',
      'journalctl --sync',
      'journalctl --relinquish-var',
      'journalctl --setup-keys',
      'journalctl --update-catalog',
      'journalctl --cursor-file=/tmp/x',
      'journalctl --file /etc/shadow',
      'journalctl -D /home',
      'journalctl --directory=/home',
      'journalctl --root=/srv',
      'journalctl --image=/srv/disk',
      'journalctl -M box',
      'journalctl --namespace=*',
      'journalctl /usr/bin/node',
      'journalctl -g password',
      'journalctl -f',
      '/tmp/systemctl status',
      '/usr/local/bin/journalctl',
      'sh -c id',
      '',
      'constructor',
    ])
      assert.ok('refused' in verbOf(words(line)), line)
    assert.ok('refused' in verbOf([]))
  })

  it('take no path, so that no table of secret places is needed here', () => {
    for (const kind of Object.values(VERB_PROGRAMS).flatMap(rulesBelow).flatMap(kindsOf))
      assert.ok(!['name', 'read', 'tree'].includes(kind as string), String(kind))
  })
})
