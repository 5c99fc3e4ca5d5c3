import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { ERRORS } from '#proto/contract/errors.ts'
import { catalog } from '../../central/tools/catalog.ts'
import { works } from '../../central/tools/define.ts'

const readme = readFileSync('README.md', 'utf8')

describe('the catalogue', () => {
  test('holds 40 tools, 21 to read and 19 to execute, each once', () => {
    assert.equal(new Set(catalog.map(({ id }) => id)).size, 40)
    assert.equal(catalog.filter(({ scope }) => scope === 'read').length, 21)
    assert.equal(catalog.filter(({ scope }) => scope === 'execute').length, 19)
  })

  test('ids fit what every client allows', () => {
    for (const { id } of catalog) assert.match(id, /^mttrly_[a-z_]{1,41}$/)
  })

  test('a tool that can change something has words for its approval, and none else has', () => {
    for (const tool of catalog.filter(works)) {
      assert.equal(Boolean(tool.effect), Boolean(tool.request), tool.id)
      assert.ok(tool.handler || tool.request, tool.id)
    }
  })

  test('the README names every tool with its plan, and says which work', () => {
    for (const tool of catalog) {
      const row = readme.split('\n').find((line) => line.startsWith(`| \`${tool.id}\``))
      assert.ok(row, `README does not name ${tool.id}`)
      assert.ok(row.includes(tool.plan), `${tool.id}: README says another plan`)
      assert.equal(row.includes('✓'), works(tool), `${tool.id}: README and catalogue disagree on whether it works`)
    }
  })

  test('the README names every error code, and none that does not exist', () => {
    for (const code of Object.keys(ERRORS)) assert.ok(readme.includes(`\`${code}\``), `README does not name ${code}`)
  })
})
