// The survey over a whole tree that stands in for a host: nothing to say of one that is as it should be, one difference
// for each damage, and an answer for a tree that is a mess.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { planRepair } from '#proto/contract/installation.ts'
import { MANIFEST_FILE, RELEASE_KEY_FILE, SIGNATURE_FILE } from '#proto/contract/release.ts'
import { type Layout, layoutUnder } from '../../../agent/installation/layout.ts'
import type { Outside } from '../../../agent/installation/outside.ts'
import { type Survey, surveyInstallation } from '../../../agent/installation/survey.ts'
import { writeUpdate } from '../../../agent/installation/update-record.ts'
import { unpackTarGz } from '../../../install/release/tar.ts'
import { smallRelease } from '../../helpers/release.ts'

const VERSION = '1.2.3'
const NOW = Date.parse('2026-11-23T00:00:00Z')
const DAEMON = 998
/** Of this test there is no enrolment: what is missing because of that. */
const NOT_ENROLLED = ['IDENTITY_MISSING /var/lib/mttrly/identity.json', 'PIN_MISSING /var/lib/mttrly-act/trust.json']

const PASSWD = `root:x:0:0::/root:/bin/sh
mttrly:x:${DAEMON}:${DAEMON}::/var/lib/mttrly:/usr/sbin/nologin
mttrly-inspect:x:997:997::/nonexistent:/usr/sbin/nologin
mttrly-docker:x:996:996::/nonexistent:/usr/sbin/nologin\n`
const GROUP = `root:x:0:\nmttrly:x:${DAEMON}:\nmttrly-inspect:x:997:\nmttrly-docker:x:996:\n`

const fineOutside: Outside = {
  units: async (names) => new Map(names.map((Id) => [Id, { Id, ActiveState: 'active', NeedDaemonReload: 'no' }])),
  centralTime: async () => NOW,
  clockSynchronised: async () => true,
  kernelLines: async () => '',
}
const silentOutside: Outside = {
  units: async () => undefined,
  centralTime: async () => undefined,
  clockSynchronised: async () => undefined,
  kernelLines: async () => undefined,
}

const put = (path: string, content: string | Buffer, mode = 0o644): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  chmodSync(path, mode)
}

async function layOut(layout: Layout): Promise<void> {
  const release = join(layout.root, 'release')
  const manifest = await smallRelease(release)
  const version = join(layout.versions, VERSION)
  let runtime = ''
  for (const artifact of manifest.artifacts) {
    if (artifact.kind === 'installer' || artifact.arch !== 'x64') continue
    const place = artifact.kind === 'agent' ? version : join(layout.runtimes, artifact.id)
    if (artifact.kind === 'runtime') runtime = artifact.id
    for (const [path, content] of unpackTarGz(readFileSync(join(release, artifact.file)))) {
      const entry = manifest.contents.find((one) => one.kind === artifact.kind && one.path === path)
      put(join(place, path), content, Number.parseInt(entry?.mode ?? '', 8))
    }
  }
  for (const name of [MANIFEST_FILE, SIGNATURE_FILE]) put(join(version, name), readFileSync(join(release, name)))
  symlinkSync(`../../runtime/${runtime}/node`, join(version, 'node'))
  symlinkSync(`versions/${VERSION}`, layout.current)
  mkdirSync(dirname(layout.command), { recursive: true })
  symlinkSync('/opt/mttrly/current/mttrly-agent', layout.command)
  mkdirSync(layout.act, { recursive: true, mode: 0o700 })
  put(layout.releaseKey, readFileSync(join(release, RELEASE_KEY_FILE)), 0o600)
  put(layout.centralUrl, 'https://central.example\n', 0o600)
  put(layout.record, JSON.stringify({ version: VERSION }), 0o600)
  mkdirSync(layout.state, { mode: 0o700 })
  chownSync(layout.state, DAEMON, DAEMON)
  put(layout.policy, '# nothing\n')
  put(layout.passwd, PASSWD)
  put(layout.group, GROUP)
  put(layout.linkReport, '{"state":"up"}')
  cpSync(join(version, 'units'), layout.units, { recursive: true })
  for (const unit of [
    'agent.service',
    'lane-read.socket',
    'lane-inspect.socket',
    'lane-docker.socket',
    'lane-act.socket',
  ]) {
    const target = unit.endsWith('.socket') ? 'sockets.target' : 'multi-user.target'
    mkdirSync(join(layout.units, `${target}.wants`), { recursive: true })
    symlinkSync(`../mttrly-${unit}`, join(layout.units, `${target}.wants`, `mttrly-${unit}`))
  }
  rmSync(release, { recursive: true })
}

const said = ({ drifts }: Survey): string[] => drifts.map(({ code, target }) => `${code} ${target}`).sort()

describe('a survey', { skip: process.getuid?.() === 0 ? false : 'it sets owners, which needs root' }, () => {
  let whole: Layout
  before(async () => {
    whole = layoutUnder(mkdtempSync(join(tmpdir(), 'mttrly-survey-')))
    await layOut(whole)
  })
  after(() => rmSync(whole.root, { recursive: true, force: true }))

  const copied = (t: { after(hook: () => void): void }): Layout => {
    const layout = layoutUnder(mkdtempSync(join(tmpdir(), 'mttrly-survey-')))
    t.after(() => rmSync(layout.root, { recursive: true, force: true }))
    execFileSync('cp', ['-a', `${whole.root}/.`, layout.root])
    return layout
  }
  const survey = (layout: Layout, outside = fineOutside): Promise<Survey> =>
    surveyInstallation({ layout, now: () => NOW, outside, arch: 'x64' })
  /** There are no sockets in this tree: the doors that systemd would have made. */
  const withoutDoors = (all: string[]): string[] => all.filter((each) => !each.includes('/run/mttrly/'))

  test('of a host as it should be', async () => {
    const found = await survey(whole)
    assert.deepEqual(withoutDoors(said(found)), NOT_ENROLLED)
    assert.deepEqual([found.version, found.certificateExpiresAt, found.unseen], [VERSION, 0, []])
  })

  const V = `/opt/mttrly/versions/${VERSION}`
  test('shows the lines of a script or a unit of the release that were changed, where the right ones are known', async (t) => {
    const layout = copied(t)
    const [unit, script] = [`${V}/units/mttrly-agent.service`, `${V}/uninstall.sh`]
    const diffOf = async (target: string) => (await survey(layout)).drifts.find((one) => one.target === target)?.diff
    for (const place of [unit, script, `${V}/lane.mjs`])
      appendFileSync(join(layout.root, place), 'TOKEN=Zk3v9Qm2Lx8Rt5Wb1Yc7\n')
    assert.match((await diffOf(unit))?.at(-1) ?? '', /^-TOKEN=\[redacted:/, 'as systemd has it')
    assert.equal(await diffOf(script), undefined, 'nowhere as it should be')
    assert.equal(await diffOf(`${V}/lane.mjs`), undefined, 'a program is no text')
    cpSync(join(whole.root, script), join(layout.versions, '0.0.1/uninstall.sh'))
    assert.match((await diffOf(script))?.at(-1) ?? '', /^-TOKEN=/, 'as the version before has it')
  })

  const DAMAGES: [damage: (layout: Layout) => void, said: string[]][] = [
    [({ root }) => appendFileSync(join(root, V, 'lane.mjs'), '\n'), [`FILE_CHANGED ${V}/lane.mjs`]],
    [
      ({ root }) => rmSync(join(root, V, 'units/mttrly-agent.service')),
      [`FILE_MISSING ${V}/units/mttrly-agent.service`],
    ],
    [({ root }) => put(join(root, V, 'units/a/b/c'), ''), [`FILE_EXTRA ${V}/units/a`]],
    [({ home }) => put(join(home, 'x'), ''), ['FILE_EXTRA /opt/mttrly/x']],
    [({ root }) => chmodSync(join(root, V, 'host.mjs'), 0o666), [`PATH_MODE ${V}/host.mjs`]],
    [({ root }) => chownSync(join(root, V, 'units'), DAEMON, 0), [`PATH_OWNER ${V}/units`]],
    [({ root }) => appendFileSync(join(root, V, SIGNATURE_FILE), 'x'), [`RELEASE_UNSIGNED ${V}/${MANIFEST_FILE}`]],
    [
      ({ current }) => {
        rmSync(current)
        symlinkSync('/srv', current)
      },
      ['LINK_WRONG /opt/mttrly/current'],
    ],
    [({ releaseKey }) => writeFileSync(releaseKey, 'x'), ['PIN_MISSING /var/lib/mttrly-act/release-key.pem']],
    [
      ({ record }) => writeFileSync(record, '{"version":"1.0.0"}'),
      ['RECORD_MISSING /var/lib/mttrly-act/installed.json'],
    ],
    [({ act }) => chmodSync(act, 0o755), ['PATH_MODE /var/lib/mttrly-act']],
    [({ state }) => put(join(state, 'mine'), ''), ['PATH_OWNER /var/lib/mttrly/mine']],
    [({ state }) => put(join(state, 'journal'), ''), ['STATE_DAMAGED /var/lib/mttrly/journal']],
    [({ policy }) => writeFileSync(policy, 'read_only: maybe'), ['POLICY_INVALID /etc/mttrly/policy.yaml']],
    [({ policy }) => rmSync(policy), ['PATH_MISSING /etc/mttrly/policy.yaml']],
    [
      ({ units }) => put(join(units, 'mttrly-agent.service.d/x.conf'), ''),
      ['UNIT_OVERRIDDEN /etc/systemd/system/mttrly-agent.service.d/x.conf'],
    ],
    [
      ({ units }) => rmSync(join(units, 'multi-user.target.wants/mttrly-agent.service')),
      ['UNIT_DISABLED mttrly-agent.service'],
    ],
  ]
  for (const [damage, expected] of DAMAGES)
    test(`says ${expected}`, async (t) => {
      const layout = copied(t)
      damage(layout)
      assert.deepEqual(withoutDoors(said(await survey(layout))), [...NOT_ENROLLED, ...expected].sort())
    })

  test('shows what differs in a unit line by line, bounded, and no secret of it; the plan is of the hashes', async (t) => {
    const layout = copied(t)
    const unit = join(layout.units, 'mttrly-agent.service')
    const before = planRepair('full_convergence', (await survey(layout)).drifts)
    writeFileSync(
      unit,
      readFileSync(unit, 'utf8').replace(
        /^User=.*$/m,
        'User=root\nEnvironment=API_TOKEN=sk-ant-api03-verysecretverysecretverysecret',
      ),
    )
    put(join(layout.units, 'mttrly-agent.service.d/x.conf'), `[Service]\n${'Nice=1\n'.repeat(500)}`)
    const { drifts } = await survey(layout)
    const diffOfUnit = (code: string): string[] => drifts.find((drift) => drift.code === code)?.diff ?? []
    const changed = diffOfUnit('UNIT_CHANGED')
    assert.deepEqual(
      changed.filter((line) => /^[-+][A-Z]/.test(line) && !line.includes('API_TOKEN')),
      ['-User=root', '+User=mttrly'],
    )
    assert.match(changed.join('\n'), /^-Environment=API_TOKEN=\[redacted/m)
    assert.doesNotMatch(changed.join('\n'), /verysecret/)
    const dropped = diffOfUnit('UNIT_OVERRIDDEN')
    assert.equal(dropped[3], '-[Service]')
    assert.match(dropped.at(-1) ?? '', /^… and \d+ lines more$/)
    const plan = planRepair('full_convergence', drifts)
    const blind = drifts.map(({ diff: _diff, ...drift }) => drift)
    assert.equal(
      planRepair('full_convergence', blind).digest,
      plan.digest,
      'an older Central shows none, and plans the same',
    )
    assert.notEqual(plan.digest, before.digest)
  })

  test('of an update: that is being watched it is well, that stands still it is not finished', async (t) => {
    const layout = copied(t)
    for (const [step, expected] of [
      ['requested', ['UPDATE_UNFINISHED /var/lib/mttrly-act/update.json']],
      ['trying', ['UPDATE_UNFINISHED /var/lib/mttrly-act/update.json']],
      ['watching', []],
      ['done', []],
      ['rolled_back', []],
    ] as const) {
      const at = { requestedAt: NOW, changedAt: NOW, start: 'boot', found: 0 }
      writeUpdate(layout, { step, from: '1.2.2', to: VERSION, manifestSha256: 'a'.repeat(64), ...at })
      assert.deepEqual(withoutDoors(said(await survey(layout))), [...NOT_ENROLLED, ...expected].sort(), step)
    }
  })

  test('is the same twice, so that a plan can be approved', async (t) => {
    const layout = copied(t)
    for (const [damage] of DAMAGES.slice(0, 5)) damage(layout)
    const [one, two] = [await survey(layout), await survey(layout, silentOutside)]
    const repairable = ({ drifts }: Survey) => planRepair('full_convergence', drifts).digest
    assert.equal(repairable(one), repairable(await survey(layout)))
    assert.ok(two.drifts.some(({ code }) => code === 'CENTRAL_UNREACHABLE'))
  })

  test('of a host where nothing was ever installed', async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'mttrly-survey-'))
    t.after(() => rmSync(root, { recursive: true }))
    const found = await survey(layoutUnder(root), silentOutside)
    assert.equal(found.version, '')
    assert.ok(said(found).includes('ACCOUNT_MISSING mttrly'))
  })

  const PATHS = ['home', 'versions', 'current', 'command', 'config', 'policy', 'state', 'identity', 'act'] as const
  const MORE = ['trust', 'releaseKey', 'record', 'units', 'passwd', 'group', 'linkReport', 'runtimes'] as const
  const MESSES: Record<string, (path: string) => void> = {
    garbage: (path) => put(path, Buffer.from('\0\xff{"serverId":[', 'latin1')),
    'a pipe': (path) => execFileSync('mkfifo', [path]),
    'a directory': (path) => mkdirSync(path),
    'a link to itself': (path) => symlinkSync(path, path),
    'a link to a device': (path) => symlinkSync('/dev/zero', path),
    'a number': (path) => put(path, '7'),
  }
  for (const [what, mess] of Object.entries(MESSES))
    test(`of a host where anything may be ${what}`, async (t) => {
      const layout = copied(t)
      const aside = join(layout.root, 'aside')
      for (const name of [...PATHS, ...MORE]) {
        if (lstatSync(layout[name], { throwIfNoEntry: false })) renameSync(layout[name], aside)
        mess(layout[name])
        const found = await survey(layout, silentOutside)
        assert.ok(found.drifts.length > 0, name)
        rmSync(layout[name], { recursive: true, force: true })
        if (lstatSync(aside, { throwIfNoEntry: false })) renameSync(aside, layout[name])
      }
    })
})
