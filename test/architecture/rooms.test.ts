import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { KEPT_PACKAGES, mayImport, ROOMS, roomOf, TIERS } from './rooms.ts'
import { readSources, runtimeImportsOf, type Source, targetOf } from './sources.ts'

const sources = readSources(...TIERS.map((tier) => `${tier}/**/*.ts`)).filter(
  ({ file }) => file !== 'proto/generate.ts',
)

function strayImports(files: readonly Source[]): string[] {
  return files.flatMap(({ file, runtimeImports }) =>
    runtimeImports.flatMap((specifier) => {
      const target = targetOf(file, specifier)
      if (!target || mayImport(roomOf(file), roomOf(target))) return []
      return [`${file} imports ${target}: ${roomOf(file)} may not use ${roomOf(target)}`]
    }),
  )
}

function strayPackages(files: readonly Source[]): string[] {
  return files.flatMap(({ file, runtimeImports }) =>
    KEPT_PACKAGES.flatMap(({ packages, only, why }) =>
      runtimeImports.some((name) => packages.includes(name)) && !only.test(file) ? [`${file}: ${why}`] : [],
    ),
  )
}

const environmentReaders = (files: readonly Source[]): string[] =>
  files.filter(({ text }) => /process\.env\b/.test(text)).map(({ file }) => file)

function cyclesOf(files: readonly Source[]): string[][] {
  const edges = new Map(
    files.map(({ file, runtimeImports }) => [file, runtimeImports.flatMap((name) => targetOf(file, name) ?? [])]),
  )
  const done = new Set<string>()
  const found: string[][] = []
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) found.push([...path.slice(at), file])
    if (at >= 0 || done.has(file)) return
    for (const next of edges.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of edges.keys()) visit(file, [])
  return found
}

const planted = (file: string, text: string): Source => ({ file, text, runtimeImports: runtimeImportsOf(text) })

describe('architecture', () => {
  test('every room is in the table, and every line of the table is a room', () => {
    const present = new Set(sources.map(({ file }) => roomOf(file)))
    assert.deepEqual(
      [...present].filter((room) => !ROOMS[room]),
      [],
    )
    const gone = Object.keys(ROOMS).filter((room) => room !== 'proto/gen' && !present.has(room))
    assert.deepEqual(gone, [])
  })

  test('rooms import only what the table allows', () => assert.deepEqual(strayImports(sources), []))
  test('packages stay in their rooms', () => assert.deepEqual(strayPackages(sources), []))
  test('no import cycles', () => assert.deepEqual(cyclesOf(sources), []))
  test('only the two config files read the environment', () => {
    assert.deepEqual(environmentReaders(sources), ['agent/config.ts', 'central/config.ts'])
  })

  test('these checks fail when broken on purpose', () => {
    const climbing = planted('central/domain/x.ts', "import { a } from '../storage/database.ts'")
    assert.equal(strayImports([climbing]).length, 1)
    assert.equal(
      strayImports([planted('central/domain/x.ts', "import type { a } from '../storage/database.ts'")]).length,
      0,
    )
    assert.equal(strayImports([planted('agent/link/x.ts', "import { a } from '../capabilities/index.ts'")]).length, 1)
    assert.equal(strayPackages([planted('central/calls/x.ts', "import { spawn } from 'node:child_process'")]).length, 1)
    assert.equal(strayPackages([planted('central/calls/x.ts', "const p = await import('kysely')")]).length, 1)
    assert.equal(strayPackages([planted('agent/link/x.ts', "import { z } from 'zod'")]).length, 1)
    assert.deepEqual(environmentReaders([planted('central/calls/x.ts', 'process.env.HOME')]), ['central/calls/x.ts'])
    const one = planted('central/a/x.ts', "import { b } from './y.ts'")
    const two = planted('central/a/y.ts', "export * from './x.ts'")
    assert.equal(cyclesOf([one, two]).length, 1)
  })
})
