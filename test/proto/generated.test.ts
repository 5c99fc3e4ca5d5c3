import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { isErrorCode } from '#proto/contract/errors.ts'
import { GRANTED_METHODS, methodCodecs } from '#proto/contract/methods.ts'

const filesOf = (directory: string) =>
  globSync('**/*.{ts,json}', { cwd: directory })
    .sort()
    .map((file) => [file, readFileSync(join(directory, file), 'utf8')])

describe('proto', () => {
  test('what is generated is what the .proto files say', (t) => {
    const copy = mkdtempSync(join(tmpdir(), 'mttrly-gen-'))
    t.after(() => rmSync(copy, { recursive: true }))
    for (const part of ['proto', 'package.json']) cpSync(part, join(copy, part), { recursive: true })
    rmSync(join(copy, 'proto/gen'), { recursive: true })
    symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
    const made = spawnSync('npm', ['run', '-s', 'gen'], { cwd: copy, encoding: 'utf8' })
    assert.equal(made.status, 0, made.stderr)
    assert.deepEqual(filesOf(join(copy, 'proto/gen')), filesOf('proto/gen'))
  })

  test('every method has a codec, and what carries a grant is declared so', () => {
    const carrying = [...methodCodecs].filter(
      ([, { request }]) => 'grant' in (request.decode(Buffer.alloc(0)) as object),
    )
    assert.deepEqual(
      carrying.map(([name]) => name),
      [...GRANTED_METHODS],
    )
  })

  test('codes that the tiers name are in the catalogue', () => {
    const sources = globSync(['agent/**/*.ts', 'central/**/*.ts'])
    const named = sources.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/CatalogueError\('([A-Z_]+)'/g)].map(([, code]) => [
        relative('.', file),
        code,
      ]),
    )
    assert.ok(named.length > 20)
    assert.deepEqual(
      named.filter(([, code]) => !isErrorCode(code ?? '')),
      [],
    )
  })
})
