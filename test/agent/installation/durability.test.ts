// What must be on disk before what: every change to files during an update is recorded, and at each rename that puts
// something in place, at each saved step and before the switch, nothing that it relies on may be in memory alone.
import assert from 'node:assert/strict'
import fs, { existsSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { sha256 } from '#proto/contract/grant.ts'
import { stageRelease } from '../../../agent/installation/fetch-release.ts'
import { GATE } from '../../../agent/installation/gate.ts'
import { createLook } from '../../../agent/installation/look.ts'
import { readUpdate, type UpdateRecord, writeUpdate } from '../../../agent/installation/update-record.ts'
import { runUpdate } from '../../../agent/installation/update-steps.ts'
import { runProgram } from '../../helpers/run-program.ts'
import { serveRelease } from './served-release.ts'

type AnyFunction = (...args: unknown[]) => unknown

/** Follows what is in memory alone: files with unsynced content, directories with unsynced names but that of `temporary`. */
function followFiles(
  root: string,
  temporary: string,
  onRename: (from: string, to: string, unsynced: string[]) => void,
) {
  const dirty = new Set<string>()
  const under = (directory: string, path: string): boolean => path === directory || path.startsWith(`${directory}/`)
  const pathOf = (fd: number): string => readlinkSync(`/proc/self/fd/${fd}`)
  const named = (path: string): void => {
    if (under(root, dirname(path)) && path !== temporary) dirty.add(`${dirname(path)}/`)
  }
  const forget = (path: string): void => {
    for (const one of dirty) if (under(path, one)) dirty.delete(one)
  }
  const watchers: Record<string, (before: boolean, args: unknown[], result?: unknown) => void> = {
    writeSync(before, [fd]) {
      const path = pathOf(Number(fd))
      if (before && under(root, path)) dirty.add(path)
    },
    openSync(before, [path, flags]) {
      if (before && typeof flags === 'string' && flags !== 'r') named(String(path))
    },
    symlinkSync: (before, [, path]) => before && named(String(path)),
    linkSync: (before, [, path]) => before && named(String(path)),
    mkdirSync(before, [path, options], first) {
      const made = (options as { recursive?: boolean } | undefined)?.recursive ? first : path
      if (!before && made !== undefined) named(String(made))
    },
    fsyncSync(before, [fd]) {
      if (before) return
      dirty.delete(pathOf(Number(fd)))
      dirty.delete(`${pathOf(Number(fd))}/`)
    },
    rmSync: (before, [path]) => before && forget(String(path)),
    renameSync(before, [from, to]) {
      if (before) return
      onRename(String(from), String(to), unsynced(String(from)))
      forget(String(from))
      named(String(to))
    },
  }
  const unsynced = (at: string): string[] => [...dirty].filter((path) => under(at, path.replace(/\/$/, '')))
  const module = fs as unknown as Record<string, AnyFunction>
  const originals = Object.keys(watchers).map((name) => [name, module[name] as AnyFunction] as const)
  for (const [name, original] of originals)
    module[name] = (...args: unknown[]) => {
      watchers[name]?.(true, args)
      const result = original(...args)
      watchers[name]?.(false, args, result)
      return result
    }
  syncBuiltinESMExports()
  return {
    unsynced,
    stop(): void {
      for (const [name, original] of originals) module[name] = original
      syncBuiltinESMExports()
    },
  }
}

test('whatever an update relies on is on disk before it goes on', async (t) => {
  const world = await serveRelease(t)
  const { layout } = world
  const options = world.options()
  const { manifestSha256, version, installed } = options
  const events: string[] = []
  const outsideStaging = (paths: string[]): string[] => paths.filter((path) => !path.startsWith(layout.staging))
  const files = followFiles(layout.root, layout.staging, (from, to, unsynced) => {
    events.push(`rename ${basename(to)}`)
    assert.deepEqual(unsynced, [], `${from} was put in place as ${to}`)
  })
  const settled = (when: string): void => {
    events.push(when)
    assert.deepEqual(outsideStaging(files.unsynced(layout.root)), [], when)
  }
  try {
    const record: UpdateRecord = {
      ...{ step: 'requested', from: installed, to: version, manifestSha256, start: 'a' },
      ...{ found: 0, requestedAt: 0, changedAt: 0 },
    }
    const seen = { active: 'active', pid: 1, restarts: 0, link: { state: 'up', version }, shut: [] as string[] }
    let second = 0
    await runUpdate(record, {
      ...{ start: 'a', limits: { ...GATE, probationMs: 1_000 }, now: () => 0 },
      save(next) {
        settled(`before ${next.step}`)
        writeUpdate(layout, next)
        settled(`after ${next.step}`)
      },
      async stage() {
        const answer = await stageRelease(options)
        assert.ok(answer.ok)
        return { ok: true }
      },
      async converge() {
        settled('switch')
        return undefined
      },
      async observe() {
        second += 1
        return { at: second * 1_000, ...seen, central: 'answers' }
      },
      async cleanUp() {},
    })
    assert.equal(readUpdate(createLook(), layout)?.step, 'done')
    const runtime = world.made().manifest.artifacts.flatMap((one) => (one.kind === 'runtime' ? [one.id] : []))
    const order = [
      'before staging',
      `rename ${runtime[0]}`,
      `rename ${version}`,
      'before staged',
      'after switching',
      'switch',
    ]
    assert.deepEqual(
      events.filter((event) => order.includes(event)),
      order,
    )
    // A repair replaces the files of a version in use one by one.
    fs.writeFileSync(join(layout.versions, version, 'agent.mjs'), 'damaged')
    assert.ok((await stageRelease(options)).ok)
    settled('repaired')
    assert.ok(events.includes('rename agent.mjs'))
  } finally {
    files.stop()
  }
})

test('this check fails where something is not synced', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'mttrly-unsynced-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const renames: string[][] = []
  const files = followFiles(root, '', (_from, _to, unsynced) => renames.push(unsynced))
  try {
    const fd = fs.openSync(join(root, 'a'), 'wx')
    fs.writeSync(fd, Buffer.from('x'))
    fs.closeSync(fd)
    fs.renameSync(join(root, 'a'), join(root, 'b'))
    assert.deepEqual(renames, [[join(root, 'a')]])
    assert.deepEqual(files.unsynced(root), [`${root}/`])
  } finally {
    files.stop()
  }
})

const STRACE = '/usr/bin/strace'
test('links and units are replaced durably', { skip: existsSync(STRACE) ? false : 'needs strace' }, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'mttrly-converge-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  fs.writeFileSync(join(root, 'new.service'), '[Unit]\n')
  fs.symlinkSync('old', join(root, 'current'))
  const script = `source <(sed '/^{ main/d' install/agent/converge.sh); changed=
    put ${root}/new.service ${root}/a.service; sync ${root}; point new ${root}/current`
  const trace = [
    '-f',
    '-y',
    '-qq',
    '-s',
    '200',
    '-e',
    'trace=fsync,rename,renameat,renameat2',
    '/bin/bash',
    '-c',
    script,
  ]
  const { code, stderr } = await runProgram(STRACE, trace)
  assert.equal(code, 0, stderr)
  const calls = stderr.split('\n').flatMap((line) => {
    const synced = /fsync\(\d+<([^>]+)>\) = 0/.exec(line)?.[1]
    const renamed = /rename\w*\(.*"([^"]+)".*"([^"]+)".*\) = 0/.exec(line)?.[2]
    if (synced) return [`sync ${synced.replace(root, '').replace(/\.new\.\d+$/, '.new')}`]
    return renamed ? [`rename ${renamed.replace(root, '')}`] : []
  })
  assert.deepEqual(calls, ['sync /a.service.new', 'rename /a.service', 'sync ', 'rename /current', 'sync '])
  assert.equal(readlinkSync(join(root, 'current')), 'new')
  assert.ok(sha256(fs.readFileSync(join(root, 'a.service'))) === sha256('[Unit]\n'))
})
