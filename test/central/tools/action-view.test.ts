import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Action, ActionState } from '../../../central/domain/action.ts'
import { fullView, pageOf } from '../../../central/tools/action-view.ts'
import { approveAction } from '../../../central/tools/actions/approve-action.ts'
import type { ToolContext } from '../../../central/tools/context.ts'
import { principal } from '../../helpers/principals.ts'

const LEFT = { over: false }

describe('a page of output', () => {
  test('pages joined are the output, wherever they are cut', () => {
    const bytes = Buffer.from('aä€😀'.repeat(5))
    for (let limit = 4; limit < 12; limit++) {
      let text = ''
      let offset: number | null = 0
      while (offset !== null) {
        const page = pageOf(bytes.subarray(offset), offset, limit, { end: bytes.length, over: true })
        text += page.output
        offset = page.next_offset
      }
      assert.equal(text, bytes.toString('utf8'), `limit ${limit}`)
    }
  })

  test('of bytes that are no text, every page goes on', () => {
    const bytes = Buffer.alloc(50, 0xf0)
    let pages = 0
    for (let offset: number | null = 0; offset !== null; pages++) {
      assert.ok(pages < 60)
      offset = pageOf(bytes.subarray(offset), offset, 4, { end: 50, over: true }).next_offset
    }
    assert.ok(pages <= 50)
  })

  test('of a run that goes on says where the next one starts, and holds half a character back', () => {
    const bytes = Buffer.from('ab€').subarray(0, 4)
    const page = pageOf(bytes, 0, 100, { end: 4, ...LEFT })
    assert.deepEqual([page.output, page.next_offset], ['ab', 2])
    const rest = pageOf(Buffer.from('ab€').subarray(2), 2, 100, { end: 5, over: true })
    assert.deepEqual([rest.output, rest.next_offset], ['€', null])
  })

  test('asked for beyond the end is empty, and the end', () => {
    assert.deepEqual(pageOf(Buffer.alloc(0), 90, 10, { end: 5, over: true }).next_offset, null)
  })
})

const action = (state: ActionState, changes: Partial<Action> = {}): Action => ({
  id: 'act_1',
  workspace_id: 'wsp_1',
  server_id: 'srv_1',
  parent_id: null,
  spec: { kind: 'regenerate_install_token', server_id: 'srv_1' },
  canonical: '{}',
  digest: '',
  words: { title: 't', effect: '', undo: '', reason: '', why: '' },
  state,
  requester: {
    user_id: 'usr_anna',
    email: '',
    credential: 'oauth',
    client_id: '',
    client_name: '',
    grant_id: '',
    source: 'mcp',
  },
  created_at: 1,
  expires_at: 2,
  decision: null,
  started_at: 1,
  finished_at: 2,
  outcome: { sealed: 'x' },
  ...changes,
})

const ctx = (userId: string) =>
  ({
    principal: principal({ userId }),
    output: { outputEnd: async () => 0, readOutput: async () => Buffer.alloc(0) },
    approvals: { urlOf: () => 'http://localhost/approvals/act_1', needsSignature: async () => false },
    rollouts: { view: async () => undefined },
    unseal: () => '{"command":"mtti_secret"}',
  }) as unknown as Parameters<typeof fullView>[1]

test('the link that a client is to open asks for a signature where a code is not enough', async () => {
  for (const [signed, wish] of [
    [false, /^Approve or reject: t$/],
    [true, /^Sign \(with a passkey .*`npm run approver -- sign act_1`\) or reject: t$/],
  ] as const) {
    const approvals = {
      ...{ get: async () => action('pending_approval'), urlOf: () => 'http://localhost/approvals/act_1' },
      needsSignature: async () => signed,
    }
    const input = { action_id: 'act_1', decision: 'approve' as const, wait_s: 1 }
    const asking = { ...ctx('usr_anna'), workspace: { id: 'wsp_1' }, canElicitUrl: true, approvals }
    const answer = await approveAction.handler?.(input, asking as unknown as ToolContext)
    assert.match((answer as unknown as { needsPerson: { message: string } }).needsPerson.message, wish)
  }
})

test('a new install command is opened for the person who asked, and for nobody else', async () => {
  assert.equal((await fullView(action('succeeded'), ctx('usr_anna'))).result?.command, 'mtti_secret')
  assert.equal((await fullView(action('succeeded'), ctx('usr_ben'))).result, undefined)
})
