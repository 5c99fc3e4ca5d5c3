// Whether a host has what a question names.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { subjectHere } from '../../../agent/diagnosis/subject.ts'
import { factsOf, listener, unit } from './fake-facts.ts'

describe('what a question names', () => {
  const asked = (t: { after(hook: () => void): void }, subject?: string) => {
    const facts = factsOf(t, {
      units: [unit('nginx.service', 'running'), unit('orders.service', 'failed')],
      listeners: [listener(3000, 'shop')],
      files: { 'srv/shop/server.js': '', 'usr/lib/systemd/system/rest@.service': '' },
    })
    return subjectHere({ ...facts, question: { problem: 'down', ...(subject !== undefined && { subject }) } })
  }

  test('is nothing where it names nothing', (t) => assert.equal(asked(t), undefined))
  for (const name of [
    'nginx',
    'nginx.service',
    'Orders',
    '3000',
    'localhost:3000',
    '/srv/shop/',
    'rest@1.service',
    'http://localhost/health',
  ])
    test(`is here: ${name}`, (t) => assert.deepEqual(asked(t, name), { known: true, near: [] }))
  for (const [name, near] of [
    ['ngnix', ['nginx.service']],
    ['order', ['orders.service']],
    ['billing.service', []],
    ['/srv/elsewhere', []],
  ] as const)
    test(`is not here: ${name}`, (t) => assert.deepEqual(asked(t, name), { known: false, near }))
})
