import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decide, type Effect, type Facts } from '../../../central/domain/decide.ts'
import { DEFAULT_POLICY } from '../../../central/domain/policy.ts'
import { principal } from '../../helpers/principals.ts'

const READ: Effect = { kind: 'read', lane: 'read', programs: ['uptime'] }
const INSPECT: Effect = { kind: 'read', lane: 'inspect', programs: ['journalctl'] }
const CHANGE: Effect = { kind: 'change', why: 'It writes.', programs: ['touch'] }
const NONE: Effect = { kind: 'none' }

const facts = (changes: Partial<Facts> = {}): Facts => ({
  principal: principal(),
  plan: 'deployment_crew',
  policy: DEFAULT_POLICY,
  tool: { id: 'mttrly_execute_command', plan: 'deployment_bro', scope: 'execute', needsOnline: true },
  effect: READ,
  server: { online: true, contained: ['read', 'inspect'] },
  ...changes,
})

const said = (changes: Partial<Facts>): string => {
  const verdict = decide(facts(changes))
  return verdict.kind === 'deny' ? verdict.code : verdict.kind
}

describe('decide', () => {
  const cases: [string, Partial<Facts>, string][] = [
    ['a read in a contained lane', {}, 'allow'],
    ['a change', { effect: CHANGE }, 'ask'],
    ['a read where nothing is contained', { server: { online: true, contained: [] } }, 'ask'],
    ['a read where only the other lane is contained', { server: { online: true, contained: ['inspect'] } }, 'ask'],
    ['a verb in a contained lane', { effect: INSPECT }, 'allow'],
    ['a verb without a lane for it', { effect: INSPECT, server: { online: true, contained: ['read'] } }, 'ask'],
    ['a tool of Central alone', { effect: NONE, server: undefined }, 'allow'],
    ['no scope', { principal: principal({ scopes: ['read'] }) }, 'FORBIDDEN'],
    ['no scopes at all', { principal: principal({ scopes: [] }), effect: NONE }, 'FORBIDDEN'],
    ['a viewer who acts', { principal: principal({ role: 'viewer' }), effect: CHANGE }, 'FORBIDDEN'],
    ['a viewer who runs a read-only command', { principal: principal({ role: 'viewer' }) }, 'FORBIDDEN'],
    ['a viewer who reads records', { principal: principal({ role: 'viewer' }), effect: NONE }, 'allow'],
    ['an owner', { principal: principal({ role: 'owner' }), effect: CHANGE }, 'ask'],
    ['a plan that is too small', { plan: 'watchdog' }, 'PLAN_REQUIRED'],
    ['an unknown server', { server: null }, 'SERVER_NOT_FOUND'],
    ['an unknown server, small plan: the plan comes first', { server: null, plan: 'watchdog' }, 'PLAN_REQUIRED'],
    ['an offline server', { server: { online: false, contained: ['read'] } }, 'SERVER_OFFLINE'],
    [
      'a read-only policy and a change',
      { policy: { ...DEFAULT_POLICY, read_only: true }, effect: CHANGE },
      'POLICY_DENIED',
    ],
    ['a read-only policy and a read', { policy: { ...DEFAULT_POLICY, read_only: true } }, 'allow'],
    [
      'a denied program',
      { policy: { ...DEFAULT_POLICY, denied_programs: ['touch'] }, effect: CHANGE },
      'POLICY_DENIED',
    ],
    [
      'a denied program that only reads',
      { policy: { ...DEFAULT_POLICY, denied_programs: ['uptime'] } },
      'POLICY_DENIED',
    ],
    [
      'a program that cannot be told, where some are denied',
      { policy: { ...DEFAULT_POLICY, denied_programs: ['mkfs'] }, effect: { ...CHANGE, programs: ['?'] } },
      'POLICY_DENIED',
    ],
    ['a program that cannot be told, where none is denied', { effect: { ...CHANGE, programs: ['?'] } }, 'ask'],
  ]
  for (const [name, changes, expected] of cases)
    test(`${name}: ${expected}`, () => assert.equal(said(changes), expected))

  test('no combination of facts lets a change through without a person', () => {
    for (const role of ['viewer', 'operator', 'approver', 'owner'] as const)
      for (const credential of ['oauth', 'api_key', 'session', 'system'] as const)
        for (const contained of [[], ['read'], ['inspect'], ['read', 'inspect']] as const)
          for (const online of [true, false])
            for (const plan of ['watchdog', 'deployment_bro', 'deployment_crew'] as const) {
              const verdict = decide(
                facts({
                  principal: principal({ role, credential }),
                  effect: CHANGE,
                  server: { online, contained },
                  plan,
                }),
              )
              assert.notEqual(verdict.kind, 'allow')
            }
  })
})
