import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { LIMITS } from '#proto/contract/limits.ts'
import { collect, isRunning, type LaneHome, makeLaneHome, outcomeOf } from '../../helpers/lane.ts'

describe('the read lane', () => {
  let home: LaneHome
  before(() => {
    home = makeLaneHome()
  })
  after(() => home.remove())
  const read = async (line: string, timeoutMs = 10_000, signal?: AbortSignal) => {
    const io = collect(signal)
    return {
      outcome: outcomeOf(await home.lanes.read({ id: `req_${Math.random()}`, line, timeoutMs }, io)),
      text: io.text(),
    }
  }

  it('tells the exit code, and the truth about the host', async () => {
    const { outcome, text } = await read('uptime; df -h / ; ps -o comm= -p 1; exit 7')
    assert.equal(outcome.state, 'RUN_STATE_EXITED')
    assert.equal(outcome.exitCode, 7)
    assert.match(text, /load average/)
    assert.ok(text.includes(readFileSync('/proc/1/comm', 'utf8').trim()))
  })
  it('sees the sockets of the host', async () => {
    const { createServer } = await import('node:net')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    try {
      assert.ok(
        (await read('ss -Htln; cat /proc/net/tcp')).text.includes(
          `:${port.toString(16).toUpperCase().padStart(4, '0')} `,
        ),
      )
    } finally {
      server.close()
    }
  })
  it('goes first when memory runs out', async (t) => {
    if (!existsSync('/usr/bin/choom')) return t.skip('no choom here')
    assert.equal((await read('cat /proc/self/oom_score_adj')).text, '1000\n')
  })
  it('can sort what is larger than a pipe', async () => {
    assert.equal((await read('seq 1 200000 | sort -S 64K -rn | head -1')).text, '200000\n')
  })
  it('ends the whole tree when time is up, and says so', async () => {
    const { outcome, text } = await read('echo begun; sleep 300 & setsid sleep 300 & sleep 300', 400)
    assert.equal(outcome.state, 'RUN_STATE_TIMED_OUT')
    assert.deepEqual(outcome.survivors, [])
    assert.equal(text, 'begun\n')
  })
  it('ends it on a cancel', async () => {
    const cancel = new AbortController()
    const io = { ...collect(cancel.signal), onOutput: async () => cancel.abort() }
    const outcome = outcomeOf(
      await home.lanes.read({ id: 'req_cancel', line: 'echo now; sleep 300', timeoutMs: 60_000 }, io),
    )
    assert.equal(outcome.state, 'RUN_STATE_CANCELLED')
  })
  it('reads no more than is taken from it', async () => {
    let taken = 0
    let largest = 0
    const cancel = new AbortController()
    const io = {
      signal: cancel.signal,
      onOutput: async (offset: number, data: Buffer) => {
        assert.equal(offset, taken)
        taken += data.length
        largest = Math.max(largest, data.length)
      },
    }
    const outcome = outcomeOf(await home.lanes.read({ id: 'req_much', line: 'seq 1 3000000', timeoutMs: 60_000 }, io))
    assert.equal(outcome.outputBytes, 22_888_896)
    assert.equal(outcome.outputKept, taken)
    assert.ok(taken <= LIMITS.keptOutput && taken > LIMITS.keptOutput - 2 * LIMITS.chunk)
    assert.ok(largest <= 64 * 1024)
  })
  it('stands still while nobody takes its output', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const pids: number[] = []
    const io = {
      signal: new AbortController().signal,
      onOutput: async (_offset: number, data: Buffer) => {
        const pid = /^PID (\d+)/.exec(data.toString('utf8'))?.[1]
        if (pid) pids.push(Number(pid))
        await held
      },
    }
    const answer = home.lanes.read(
      {
        id: 'req_still',
        line: 'read p rest < /proc/self/stat; echo PID $p; yes | head -c 30000000; echo end',
        timeoutMs: 60_000,
      },
      io,
    )
    while (pids.length === 0) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(isRunning(pids[0] ?? 0))
    release()
    assert.equal(outcomeOf(await answer).state, 'RUN_STATE_EXITED')
  })

  describe('under the host’s own policy', () => {
    const policy = (text: string): void => writeFileSync(join(home.configDirectory, 'policy.yaml'), text)
    after(() => policy('{}'))
    const refusal = async (line: string) => {
      const answer = await home.lanes.read({ id: 'req_policy', line, timeoutMs: 5_000 }, collect())
      return answer.kind === 'refusal' ? answer.refusal.code : answer.kind
    }

    it('denied paths are not there', async () => {
      const denied = join(home.root, 'denied')
      mkdirSync(denied)
      writeFileSync(join(denied, 'inside'), 'content')
      writeFileSync(join(home.root, 'denied-file'), 'content')
      policy(`denied_paths: ["${denied}", "${home.root}/denied-file"]`)
      assert.equal(
        (await read(`cat ${denied}/inside ${home.root}/denied-file; cd ${denied} && ls`)).text.includes('content'),
        false,
      )
    })
    it('a lane that is off refuses', async () => {
      policy('lanes: { read: false }')
      assert.equal(await refusal('uptime'), 'POLICY_DENIED')
    })
    it('a policy that cannot be understood refuses everything', async () => {
      for (const text of ['read_only: [', 'read_onyl: true', 'read_only: "yes"', '- a', '']) {
        policy(text)
        assert.equal(await refusal('uptime'), 'POLICY_DENIED', text)
      }
    })
    it('a read-only host is still looked at', async () => {
      policy('read_only: true')
      assert.equal((await read('echo here')).text, 'here\n')
    })
  })
})
