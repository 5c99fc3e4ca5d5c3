import assert from 'node:assert/strict'
import { test } from 'node:test'
import { titleOf } from '../../../central/calls/titles.ts'

test('a title holds no secret of the command, wherever it stands', () => {
  const secret = `ghp_${'a1B2'.repeat(9)}`
  for (const line of [
    `curl -H 'Authorization: Bearer ${secret}' x`,
    `GITHUB_TOKEN=${secret} make`,
    `${'x'.repeat(490)} ${secret}`,
  ])
    assert.ok(!titleOf(line).includes(secret.slice(0, 12)), line)
})

test('a long one says how much of it is left out, and is not cut within a character', () => {
  const title = titleOf(`echo ${'😀'.repeat(400)}`)
  assert.ok(title.length < 600 && title.isWellFormed())
  assert.match(title, /… \(805 characters in all\)$/)
})
