// The arm64 release really runs: its runtime, both programs and the native part, emulated where this machine is another
// one (qemu-user emulates one process; what starts others, such as the daemon's lanes, it cannot show).
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { ReleaseArtifact } from '#proto/contract/release.ts'
import { makeRelease } from '../guest/world.ts'
import { type Booted, bootCentral } from '../helpers/boot-central.ts'

const EMULATOR = '/usr/bin/qemu-aarch64-static'
const LIBRARIES = '/usr/aarch64-linux-gnu'
const emulated = arch() === 'arm64' ? [] : [EMULATOR, '-L', LIBRARIES]
const why =
  emulated.length > 0 && !(existsSync(EMULATOR) && existsSync(join(LIBRARIES, 'lib/libstdc++.so.6')))
    ? 'needs qemu-user-static, libc6-arm64-cross and libstdc++6-arm64-cross'
    : false

const run = promisify(execFile)

describe('the release for arm64', { skip: why }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-arm64-'))
  const hooks: (() => unknown)[] = []
  let central: Booted

  after(async () => {
    for (const hook of hooks.reverse()) await hook()
    rmSync(directory, { recursive: true, force: true })
  })
  before(async () => {
    central = await bootCentral({ after: (hook?: unknown) => void hooks.push(hook as () => unknown) })
    const { artifacts } = await makeRelease(directory, '1.0.0')
    for (const { file, kind } of artifacts.filter(({ arch }) => arch === 'arm64') as ReleaseArtifact[]) {
      await run('mkdir', ['-p', join(directory, kind)])
      await run('tar', ['-xzf', join(directory, file), '-C', join(directory, kind)])
    }
  })

  const node = (args: readonly string[], input = '') => {
    const [command = '', ...more] = [...emulated, join(directory, 'runtime/node'), ...args]
    const child = run(command, more, { env: { PATH: '/usr/bin:/bin' } })
    child.child.stdin?.end(input)
    return child
  }

  test('starts, and its native part can be loaded', async () => {
    const { stdout } = await node([
      '-p',
      `[process.arch, typeof require(${JSON.stringify(join(directory, 'agent/pty.node'))}).fork].join()`,
    ])
    assert.equal(stdout, 'arm64,function\n')
  })

  test('enrols at a real Central', async () => {
    const { workspaceId } = central
    const { token } = await central.central.fleet.createInstallToken({ workspaceId, createdBy: 'test' })
    const data = join(directory, 'data')
    const where = ['--central', central.url, '--token-stdin', '--data', data]
    await node([join(directory, 'agent/agent.mjs'), 'enrol', ...where], token)
    const [server] = await central.central.fleet.list(workspaceId)
    assert.equal(JSON.parse(readFileSync(join(data, 'identity.json'), 'utf8')).serverId, server?.id)
    const { stdout } = await node([join(directory, 'agent/agent.mjs'), 'status', '--data', data])
    assert.equal(JSON.parse(stdout).server_id, server?.id)
  })

  test('has a lane program that works', async () => {
    const data = join(directory, 'lane')
    await run('mkdir', ['-p', data])
    const { stdout } = await node([
      join(directory, 'agent/lane.mjs'),
      'hide',
      '--data',
      data,
      '--config',
      join(directory, 'none'),
    ])
    assert.match(stdout, /^\[Service\]\n/)
  })
})
