// Comparing alone: what was found is written down here, and what is said about it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sha256 } from '#proto/contract/grant.ts'
import { compilePolicy } from '../../../agent/guard/policy.ts'
import { accountDrifts, ownerName, parseGroups } from '../../../agent/installation/account-facts.ts'
import { layoutUnder } from '../../../agent/installation/layout.ts'
import { parseShow } from '../../../agent/installation/outside.ts'
import { parseDenials, type Surroundings, surroundingDrifts } from '../../../agent/installation/surroundings.ts'
import { hasJustStarted, type UnitFacts, unitDrifts } from '../../../agent/installation/unit-facts.ts'
import { parsePasswd } from '../../../agent/process/accounts.ts'

const PASSWD = `root:x:0:0:root:/root:/bin/bash
mttrly:x:998:997:mttrly agent:/var/lib/mttrly:/usr/sbin/nologin
mttrly-inspect:x:996:996:mttrly inspect lane:/nonexistent:/sbin/nologin
mttrly-docker:x:995:995:mttrly docker lane:/nonexistent:/sbin/nologin
`
const GROUP = `root:x:0:
docker:x:101:alice,mttrly
sudo:x:27:alice
mttrly:x:997:
mttrly-inspect:x:996:
mttrly-docker:x:995:
`
const host = (passwd = PASSWD, group = GROUP.replace(',mttrly', '')) => ({
  accounts: parsePasswd(passwd),
  groups: parseGroups(group),
})
const ROOT = { uid: 0, gid: 0 }

describe('accounts', () => {
  test('that are as they should be', () => assert.deepEqual(accountDrifts(host()), []))
  test('that may do more than they should', () => {
    const shell = PASSWD.replace('/usr/sbin/nologin', '/bin/bash')
    assert.deepEqual(accountDrifts(host(shell, GROUP)), [
      { code: 'ACCOUNT_CHANGED', target: 'mttrly (shell)', was: '/bin/bash', should: 'nologin' },
      { code: 'ACCOUNT_CHANGED', target: 'mttrly (other groups)', was: 'docker', should: 'none' },
    ])
    const root = accountDrifts(host(PASSWD.replace('998:997', '0:0')))
    assert.deepEqual(
      root.map(({ code, target }) => [code, target]),
      [['ACCOUNT_IS_ROOT', 'mttrly']],
    )
  })
  test('that are missing, as in a file that is none', () => {
    const codes = accountDrifts(host('\0garbage\n::::', '')).map(({ code, target }) => [code, target])
    assert.deepEqual(codes, [
      ['ACCOUNT_MISSING', 'mttrly'],
      ['ACCOUNT_MISSING', 'mttrly-inspect'],
      ['ACCOUNT_MISSING', 'mttrly-docker'],
    ])
  })
  test('own what has their number, and a number without a name is a number', () => {
    assert.equal(ownerName(host(), { uid: 998, gid: 997 }), 'mttrly:mttrly')
    assert.equal(ownerName(host(), { uid: 1234, gid: 0 }), '1234:root')
  })
})

describe('units', () => {
  const SOCKET = `[Socket]\nListenStream=/run/mttrly/act.sock\n\n[Install]\nWantedBy=sockets.target\n`
  const NAME = 'mttrly-lane-act.socket'
  const PLACE = `/etc/systemd/system/${NAME}`
  const file = (text: string, more = {}) => ({
    ...{ kind: 'file', mode: 0o644, ...ROOT, size: text.length, text, target: undefined },
    ...more,
  })
  const directory = { ...file(''), kind: 'directory', mode: 0o755, text: undefined }
  const door = { kind: 'socket', mode: 0o600, uid: 998, gid: 997, size: 0 }
  const facts = (more: Partial<Record<keyof UnitFacts, unknown>> = {}): UnitFacts =>
    ({
      expected: new Map([[NAME, { sha256: sha256(SOCKET), text: SOCKET }]]),
      found: new Map([[PLACE, file(SOCKET)]]),
      wanted: new Map([['sockets.target', [NAME]]]),
      doors: new Map([['/run/mttrly/act.sock', door]]),
      states: new Map([[NAME, { Id: NAME, ActiveState: 'active', NeedDaemonReload: 'no' }]]),
      ...more,
    }) as UnitFacts
  const codes = (more: Parameters<typeof facts>[0]): string[] =>
    unitDrifts(facts(more), host()).map(({ code, target, was }) => `${code} ${target} ${was}`)
  const beside = (place: string, what: object = file('')) => ({
    found: new Map([
      [PLACE, file(SOCKET)],
      [place, what],
    ]),
  })

  test('that are as they should be', () => assert.deepEqual(codes({}), []))
  const WRONG: [Parameters<typeof facts>[0], string][] = [
    [{ found: new Map() }, `UNIT_MISSING ${NAME} missing`],
    [
      { found: new Map([[PLACE, file('[Socket]\n')]]) },
      `UNIT_CHANGED ${NAME} sha256 ${sha256('[Socket]\n').slice(0, 12)}`,
    ],
    [{ found: new Map([[PLACE, file(SOCKET, { mode: 0o666 })]]) }, `UNIT_CHANGED ${NAME} 0666 root:root`],
    [
      { found: new Map([[PLACE, file('', { kind: 'link', text: undefined, target: '/dev/null' })]]) },
      `UNIT_MASKED ${NAME} masked in ${PLACE}`,
    ],
    [
      { found: new Map([[PLACE, file('', { kind: 'link', text: undefined, target: '/srv/x' })]]) },
      `UNIT_CHANGED ${NAME} /srv/x`,
    ],
    [{ wanted: new Map() }, `UNIT_DISABLED ${NAME} disabled`],
    [{ states: new Map([[NAME, { ActiveState: 'activating' }]]) }, `UNIT_DOWN ${NAME} down`],
    [
      { states: new Map([[NAME, { ActiveState: 'active', NeedDaemonReload: 'yes' }]]) },
      `UNIT_OVERRIDDEN ${NAME} loaded from other files`,
    ],
    [{ doors: new Map() }, 'UNIT_DOWN /run/mttrly/act.sock missing'],
    [
      { doors: new Map([['/run/mttrly/act.sock', { ...door, mode: 0o666 }]]) },
      'UNIT_DOWN /run/mttrly/act.sock socket 0666 mttrly:mttrly',
    ],
  ]
  for (const [damage, said] of WRONG) test(said, () => assert.deepEqual(codes(damage), [said]))

  test('and what stands beside them', () => {
    const said = (place: string, what?: object) => codes(beside(place, what))
    assert.deepEqual(said('/run/systemd/system/mttrly-lane-read@.service.d/hidden.conf'), [], 'is ours')
    assert.deepEqual(said('/etc/systemd/system/mttrly-agent.service.d', directory), [], 'an empty directory')
    for (const place of [
      '/etc/systemd/system/mttrly-agent.service.d/x.conf',
      '/etc/systemd/system/mttrly-.service.d/x.conf',
      '/run/systemd/system/mttrly-lane-read@.service.d/other.conf',
      '/run/systemd/system.control/mttrly-lane-act.socket.d/50-x.conf',
      `/run/systemd/transient/${NAME}`,
    ])
      assert.deepEqual(said(place), [`UNIT_OVERRIDDEN ${place} there`])
    const stray = '/etc/systemd/system/mttrly-lane-old.socket'
    assert.deepEqual(said(stray), [`UNIT_STRAY ${stray} there`])
    const masked = `/run/systemd/system/${NAME}`
    assert.deepEqual(said(masked, file('', { kind: 'link', target: '/dev/null' })), [`UNIT_MASKED ${masked} masked`])
  })

  test('of which systemd says nothing', () => assert.deepEqual(codes({ states: undefined, doors: new Map() }), []))
  test('as systemctl shows them', () => {
    const shown = parseShow('Id=a.service\nActiveState=active\nX=1=2\n\nId=b.socket\nActiveState=failed\n\n\ngarbage\n')
    assert.deepEqual(
      [...shown].map(([name, { ActiveState, X }]) => [name, ActiveState, X]),
      [
        ['a.service', 'active', '1=2'],
        ['b.socket', 'failed', undefined],
      ],
    )
  })
})

describe('what is around it', () => {
  const NOW = 1_800_000_000_000
  const HOST = layoutUnder('/')
  const fine: Surroundings = {
    link: 'up',
    central: { url: 'https://central.example', time: NOW - 2_000 },
    clockSynchronised: false,
    freeBytes: new Map([
      [HOST.home, 1e9],
      [HOST.state, 1e9],
    ]),
    policy: compilePolicy(undefined),
    pinnedVersion: '',
    update: undefined,
    denials: [],
  }
  const said = (more: Partial<Surroundings & { starting: boolean }>): string[] =>
    surroundingDrifts({ ...fine, ...more }, NOW).map(({ code, was }) => `${code} ${was}`)

  test('that is as it should be, whoever sets the clock', () => assert.deepEqual(said({}), []))
  test('that is not', () => {
    const away = { url: 'https://central.example', time: undefined }
    assert.deepEqual(said({ central: away }), ['CLOCK_OFF not synchronised', 'CENTRAL_UNREACHABLE no answer'])
    assert.deepEqual(said({ central: away, clockSynchronised: true }), ['CENTRAL_UNREACHABLE no answer'])
    assert.deepEqual(said({ central: { ...away, time: NOW - 90_000 } }), ['CLOCK_OFF 90 s ahead of Central'])
    assert.deepEqual(said({ central: { ...away, time: NOW + 3.6e6 } }), ['CLOCK_OFF 3600 s behind Central'])
    assert.deepEqual(said({ link: undefined }), ['LINK_DOWN not running'])
    assert.deepEqual(said({ link: 'connecting', starting: true }), ['LINK_STARTING connecting'])
    assert.deepEqual(said({ freeBytes: new Map([[HOST.home, 150e6]]) }), ['DISK_LOW 150 MB free'])
    assert.deepEqual(said({ policy: { ok: false, why: 'is not a mapping' } }), ['POLICY_INVALID is not a mapping'])
  })

  test('an agent that began within half a minute, and did not fail since, is still starting', () => {
    const states = (began: number, NRestarts = '0') =>
      new Map([['mttrly-agent.service', { InactiveExitTimestampMonotonic: String(began), NRestarts }]])
    assert.equal(hasJustStarted({ states: states(100e6) }, 129e6), true)
    assert.equal(hasJustStarted({ states: states(100e6) }, 131e6), false)
    assert.equal(hasJustStarted({ states: states(100e6, '3') }, 101e6), false)
    assert.equal(hasJustStarted({ states: states(0) }, 1e6), false)
    assert.equal(hasJustStarted({ states: undefined }, 1e6), false)
  })

  test('denials of AppArmor and SELinux that name us, once each', () => {
    const lines = `audit: type=1400 audit(1.0:1): apparmor="DENIED" operation="open" class="file" profile="/opt/mttrly/**" name="/etc/hosts" pid=1 comm="node" requested_mask="r"
audit: type=1400 audit(1.0:2): apparmor="DENIED" operation="open" class="file" profile="/opt/mttrly/**" name="/etc/hosts" pid=2 comm="node" requested_mask="r"
audit: type=1400 audit(1.0:3): apparmor="ALLOWED" operation="open" profile="mttrly" name="/etc/hosts" pid=2 comm="node"
audit: type=1400 audit(1.0:3): apparmor="DENIED" operation="open" profile="cups" name="/etc/hosts" pid=2 comm="cupsd"
AVC avc:  denied  { execute } for  pid=9 comm="(node)" path="/opt/mttrly/runtime/1/node" scontext=system_u:system_r:init_t:s0 tcontext=system_u:object_r:usr_t:s0 tclass=file permissive=0
AVC avc:  denied  { read } for  pid=9 comm="node" path="/var/lib/mttrly/identity.json" tclass=file permissive=1
mttrly: something else`
    assert.deepEqual(parseDenials(lines), [
      { subject: '/etc/hosts', what: 'AppArmor: open' },
      { subject: '/opt/mttrly/runtime/1/node', what: 'SELinux: execute' },
    ])
  })
})
