// What the doctor and a repair say to a person.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRIFTS, type DriftCode, planRepair } from '#proto/contract/installation.ts'
import { asTold } from '../../../agent/installation/as-told.ts'
import { report } from '../../../agent/installation/doctor.ts'
import { describePlan } from '../../../agent/installation/repair.ts'
import type { Survey } from '../../../agent/installation/survey.ts'

const HEALTHY: Survey = {
  version: '1.2.3',
  checkedAt: 0,
  drifts: [],
  certificateExpiresAt: Date.parse('2026-12-24T00:00:00Z'),
  pinnedVersion: '',
  minimumVersion: '',
  unseen: [],
}
const UNIT = { code: 'UNIT_DOWN', target: 'mttrly-agent.service', was: 'down', should: 'active' } as const

test('a healthy installation is called so, unless something was out of sight', () => {
  assert.equal(report(HEALTHY), 'mttrly agent 1.2.3, certificate until 2026-12-24\n\nhealthy\n')
  const blind = report({ ...HEALTHY, unseen: ['/var/lib/mttrly-act/trust.json'] })
  assert.match(blind, /run it as root\): \/var\/lib\/mttrly-act\/trust\.json/)
  assert.doesNotMatch(blind, /^healthy$/m)
})

test('every difference comes with what it means and what to do next', () => {
  for (const code of Object.keys(DRIFTS) as DriftCode[]) {
    const text = report({ ...HEALTHY, drifts: [{ code, target: 't', was: 'w', should: 's' }] })
    assert.ok(text.includes(DRIFTS[code].says), code)
    assert.match(text, /^ {2}-> \S.+$/m, code)
  }
})

test('a name from the host does not steer the terminal', () => {
  const target = '/opt/mttrly/\u001b[2Jx\u202egpj\n'
  const drift = { code: 'FILE_EXTRA', target, was: 'there', should: 'not there' } as const
  const plan = planRepair('full_convergence', [asTold(drift)])
  for (const text of [report({ ...HEALTHY, drifts: [drift] }), describePlan(plan)])
    assert.match(text, /\/opt\/mttrly\/\?\[2Jx\?gpj\?/)
})

test('a plan is a diff with its digest, which binds what is to be mended', () => {
  const plan = planRepair('issue_driven', [UNIT], ['UNIT_DOWN'])
  assert.equal(
    describePlan(plan),
    `issue_driven: start, record\n  mttrly-agent.service (UNIT_DOWN)\n- down\n+ active\nplan ${plan.digest}`,
  )
  assert.notEqual(planRepair('issue_driven', [{ ...UNIT, was: 'other' }], ['UNIT_DOWN']).digest, plan.digest)
  assert.match(describePlan(planRepair('uninstall', [UNIT])), /^uninstall: everything of the agent is removed/)
  assert.match(describePlan(planRepair('issue_driven', [], ['UNIT_DOWN'])), /^issue_driven: nothing to mend$/m)
})
