// Every promise has a test, and every test of one names a promise that was made.
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REQUIREMENTS, VERIFIED_ELSEWHERE } from './requirements.ts'

const CITATION = /\bverifies\(\s*(?:'([^']+)'|\[([^\]]*)\])/g

/** The ids that are named by calls of `verifies` in a source text. */
function citedIn(text: string): string[] {
  return [...text.matchAll(CITATION)].flatMap(([, one, many]) =>
    one ? [one] : [...(many ?? '').matchAll(/'([^']+)'/g)].map(([, id]) => id ?? ''),
  )
}

const cited = new Set(globSync('test/**/*.test.ts').flatMap((file) => citedIn(readFileSync(file, 'utf8'))))

test('each promise is verified by a test', () => {
  const promised = Object.keys(REQUIREMENTS)
  assert.deepEqual(
    promised.filter((id) => !cited.has(id)),
    [],
  )
})

test('the promises of single rooms are verified where it is said', () => {
  for (const [promise, file] of Object.entries(VERIFIED_ELSEWHERE)) assert.ok(existsSync(file), `${promise}: ${file}`)
})

test('a promise without a test is noticed', () => {
  const quoted = (id: string) => `'${id}'`
  assert.deepEqual(
    citedIn(`verifies(${quoted('a:b')}, 'x', f)\nverifies([${quoted('c:d')}, ${quoted('e:f')}], 'y', f)`),
    ['a:b', 'c:d', 'e:f'],
  )
  assert.deepEqual(citedIn(`// verified by hand: ${quoted('a:b')}`), [])
})
