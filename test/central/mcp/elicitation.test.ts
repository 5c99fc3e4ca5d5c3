import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type Booted, bootMcp } from './boot-mcp.ts'
import { modern, type Sent, send } from './send.ts'

const URL_MODE = { elicitation: { url: {} } }
const ARGS = { action_id: 'act_1' }

const ask = (params: Record<string, unknown> = {}, capabilities: Record<string, unknown> = URL_MODE) =>
  modern('tools/call', { name: 'mttrly_ask', arguments: ARGS, ...params }, capabilities)

const answered = (action: string, state: unknown, params: Record<string, unknown> = {}) =>
  ask({ inputResponses: { person: { action } }, requestState: state, ...params })

describe('asking the person by URL (2026-07-28)', () => {
  let central: Booted
  before(async () => {
    central = await bootMcp({
      rateLimit: { calls: { burst: 1000, perSecond: 1000 }, requests: { burst: 1000, perSecond: 1000 } },
    })
  })
  after(() => central.close())
  beforeEach(() => central.calls.splice(0))

  const firstRound = async (token = 'alice') =>
    (await send(central.url, { ...ask(), token })).message.result as Record<string, unknown>
  const outcome = (answer: Sent) => (answer.message.result?.structuredContent as { elicited?: string })?.elicited

  it('asks with the link, which holds no secret of ours, and a sealed state', async () => {
    const result = await firstRound()
    assert.equal(result.resultType, 'input_required')
    assert.deepEqual(result.inputRequests, {
      person: {
        method: 'elicitation/create',
        params: {
          mode: 'url',
          url: 'https://central.example/approvals/act_1',
          message: 'Approve or reject: uptime',
        },
      },
    })
    assert.equal(typeof result.requestState, 'string')
    const readable = Buffer.from(String(result.requestState).split('.')[1] ?? '', 'base64url').toString()
    assert.ok(!/usr_alice|grant-alice|act_1/.test(readable))
  })

  it('runs the call again with what the person answered; only accept is yes', async () => {
    for (const [action, expected] of [
      ['accept', 'accept'],
      ['decline', 'decline'],
      ['cancel', 'decline'],
    ] as const) {
      const { requestState } = await firstRound()
      assert.equal(outcome(await send(central.url, answered(action, requestState))), expected)
      assert.equal(central.calls.at(-1)?.elicited, expected)
    }
  })

  it('takes a state without an answer for a no', async () => {
    const { requestState } = await firstRound()
    assert.equal(outcome(await send(central.url, ask({ requestState }))), 'decline')
  })

  it('takes an answer without a state for no answer, and asks', async () => {
    const answer = await send(central.url, ask({ inputResponses: { person: { action: 'accept' } } }))
    assert.equal(answer.message.result?.resultType, 'input_required')
    assert.equal(central.calls.at(-1)?.elicited, undefined)
  })

  it('does not ask a client that cannot open a URL', async () => {
    for (const capabilities of [{}, { elicitation: {} }, { elicitation: { form: {} } }]) {
      const answer = await send(central.url, ask({}, capabilities))
      assert.equal(outcome(answer), 'not asked')
      assert.equal(central.calls.at(-1)?.canElicitUrl, false)
    }
  })

  describe('a state', () => {
    const refused = async (request: ReturnType<typeof ask>, token = 'alice') => {
      central.calls.splice(0)
      const answer = await send(central.url, { ...request, token })
      assert.equal(answer.message.error?.code, -32602)
      assert.deepEqual(answer.message.error?.data, { reason: 'invalid_request_state' })
      assert.equal(central.calls.length, 0)
    }

    it('is good once', async () => {
      const { requestState } = await firstRound()
      assert.equal(outcome(await send(central.url, answered('accept', requestState))), 'accept')
      await refused(answered('accept', requestState))
    })

    it('is good for ten minutes', async () => {
      const { requestState } = await firstRound()
      central.advance(10 * 60_000)
      await refused(answered('accept', requestState))
    })

    it('is bound to the user, the client and the grant', async () => {
      const { requestState } = await firstRound()
      for (const token of ['bob', 'alice-elsewhere', 'alice-again']) {
        await refused(answered('accept', requestState), token)
      }
      assert.equal(outcome(await send(central.url, answered('accept', requestState))), 'accept')
    })

    it('is bound to the tool and its arguments', async () => {
      const { requestState } = await firstRound()
      await refused(answered('accept', requestState, { arguments: { action_id: 'act_2' } }))
      await refused(answered('accept', requestState, { name: 'mttrly_echo', arguments: { text: 'x' } }))
    })

    it('cannot be made up or changed', async () => {
      const { requestState } = await firstRound()
      const [version, body, mac] = String(requestState).split('.')
      const opened = JSON.parse(Buffer.from(body ?? '', 'base64url').toString())
      const longer = { ...opened, p: { ...opened.p, expires: opened.p.expires + 1 } }
      const forged = Buffer.from(JSON.stringify(longer)).toString('base64url')
      const made = [
        `${version}.${forged}.${mac}`,
        `${version}.${body}.`,
        `${version}.${body}`,
        'x',
        '',
        '..',
        `v1.e30.${mac}`,
      ]
      for (const state of made) await refused(answered('accept', state))
    })

    it('of another Central is not ours', async () => {
      const other = await bootMcp({ stateKey: new Uint8Array(32).fill(7) })
      const { requestState } = (await send(other.url, ask())).message.result as Record<string, unknown>
      await other.close()
      await refused(answered('accept', requestState))
    })
  })

  it('does not ask twice: a tool that asks again after an answer gives its link as an error', async () => {
    const handlers = {
      mttrly_ask: async () => ({ kind: 'needs_person' as const, url: 'https://c.example/x', message: 'again' }),
    }
    const stubborn = await bootMcp({ handlers })
    const { requestState } = (await send(stubborn.url, ask())).message.result as Record<string, unknown>
    const answer = await send(stubborn.url, answered('accept', requestState))
    const unable = await send(stubborn.url, ask({}, {}))
    await stubborn.close()
    for (const one of [answer, unable]) {
      assert.equal(one.message.result?.isError, true)
      const [block] = (one.message.result?.content ?? []) as { text: string }[]
      const error = JSON.parse(block?.text ?? '')
      assert.equal(error.code, 'TWO_FACTOR_REQUIRED')
      assert.deepEqual(error.details, { url: 'https://c.example/x', message: 'again' })
    }
  })
})
