import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import {
  createOnce,
  makePrivateDirectory,
  readIfThere,
  removeFile,
  replaceFile,
} from '../../../agent/files/durable-file.ts'

describe('durable files', () => {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mttrly-files-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('are created once, whole, and for their owner alone', () => {
    const path = join(directory, 'once')
    assert.equal(createOnce(path, 'first'), true)
    assert.equal(createOnce(path, 'second'), false)
    assert.equal(readFileSync(path, 'utf8'), 'first')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(directory), ['once'])
  })
  it('are replaced in one step, and leave nothing beside when that fails', () => {
    const path = join(directory, 'file')
    replaceFile(path, 'one')
    replaceFile(path, 'two')
    assert.equal(readFileSync(path, 'utf8'), 'two')
    makePrivateDirectory(join(directory, 'occupied', 'deep'))
    assert.throws(() => replaceFile(join(directory, 'occupied'), 'x'))
    assert.deepEqual(readdirSync(directory).sort(), ['file', 'occupied'])
  })
  it('are not waited for: a pipe in the place of one is empty', () => {
    const path = join(directory, 'pipe')
    execFileSync('mkfifo', [path])
    assert.equal(readIfThere(path)?.length, 0)
  })
  it('may be missing, and may be removed twice', () => {
    const path = join(directory, 'file')
    assert.equal(readIfThere(path), undefined)
    writeFileSync(path, '')
    removeFile(path)
    removeFile(path)
    assert.equal(readIfThere(path), undefined)
    assert.throws(() => readIfThere(directory))
  })
})
