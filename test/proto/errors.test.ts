// What a refusal says beyond its code: the next step must be one that whoever raised it can mean.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS, type ErrorCode, type ErrorDetails, wordsOf } from '#proto/contract/errors.ts'

const CASES: [code: ErrorCode, details: ErrorDetails, description: RegExp, action: RegExp][] = [
  ['NOT_FOUND', { tool: 'mttrly_acquire_investigation_bypass' }, /no such tool/, /mttrly_get_capabilities/],
  ['NOT_FOUND', { path: '/srv/none' }, /no such file/, /Check the path/],
  ['NOT_FOUND', { container: 'web', why: 'x' }, /container/, /docker ps --all/],
  ['NOT_FOUND', { resource: 'release', why: 'x' }, /no release/, /npm run release/],
  ['POLICY_DENIED', { reason: 'no_isolation', why: 'x' }, /no lane/, /mttrly-agent doctor.*Add a server/],
  ['POLICY_DENIED', { reason: 'approval_missing', source: 'host_policy' }, /signed/, /approver -- sign.*no bypass/],
  ['POLICY_DENIED', { reason: 'approver_unknown', why: 'x' }, /signed/, /approver -- sign/],
  ['POLICY_DENIED', { reason: 'approvals_unstated', source: 'host_policy' }, /signed mode/, /approvals: central/],
  ['POLICY_DENIED', { reason: 'read_only', source: 'host_policy' }, /host refused/, /policy\.yaml/],
  ['POLICY_DENIED', { rule: 'read_only' }, /workspace is read-only/, /Settings/],
  ['INTERNAL_ERROR', { reason: 'lane_lost', by: 'agent' }, /lane/, /get_install_health.*repair_install/],
  ['CONNECTION_ERROR', { reason: 'authority_replaced', why: 'x' }, /issues nothing/, /restart it/],
  ['FORBIDDEN', { why: 'x', required_scope: 'execute' }, /scope/, /grant that scope/],
  ['FORBIDDEN', { why: 'The role "viewer" may look, not act.' }, /may not/, /role/],
  ['FORBIDDEN', { header: 'Host' }, /name/, /--public-url/],
  ['ACTION_NOT_FOUND', { action_id: 'act_1', status: 'rejected' }, /no decision any more/, /get_action_result/],
  ['OUTPUT_TOO_LARGE', { limit: 65_536 }, /limit/, /smaller/],
]

for (const [code, details, description, action] of CASES)
  test(`${code} ${JSON.stringify(details)}`, () => {
    const words = wordsOf(code, details)
    assert.match(words.description, description)
    assert.match(words.action, action)
  })

test('without details, or with others, it is what the catalogue says', () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    assert.equal(wordsOf(code, {}), ERRORS[code])
    assert.equal(wordsOf(code, { reason: 7, path: null, why: {}, tool: 1 }), ERRORS[code])
  }
})
