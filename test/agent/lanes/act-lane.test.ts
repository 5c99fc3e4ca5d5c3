import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { sha256 } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { collect, isRunning, type LaneHome, makeLaneHome, outcomeOf } from '../../helpers/lane.ts'

describe('the act lane', () => {
  let home: LaneHome
  let effect = ''
  let number = 0
  before(() => {
    home = makeLaneHome()
  })
  beforeEach(() => {
    number += 1
    effect = join(home.root, `effect-${number}`)
  })
  after(() => home.remove())
  const counting = (rest = ''): string[] => ['/bin/sh', '-c', `echo ran >> ${effect}; ${rest}`]
  const ran = (): number => (existsSync(effect) ? readFileSync(effect, 'utf8').split('\n').length - 1 : 0)
  const refusalOf = (answer: Awaited<ReturnType<LaneHome['lanes']['act']>>): string =>
    answer.kind === 'refusal' ? `${answer.refusal.code} ${answer.refusal.details.reason}` : answer.kind

  it('runs exactly the argv, in the directory, with the environment that were granted', async () => {
    const io = collect()
    const { words } = home.signed({
      argv: ['/usr/bin/printf', '%s|', 'a b', '$HOME', '*'],
      cwd: home.root,
      env: { MARK: 'x' },
    })
    assert.equal(outcomeOf(await home.lanes.act('run', words, io)).exitCode, 0)
    assert.equal(io.text(), 'a b|$HOME|*|')
    const shown = collect()
    const script = 'pwd; echo $MARK; env | cut -d= -f1 | sort | tr "\\n" " "; umask; ls /proc/self/fd | wc -l'
    await home.lanes.act(
      'run',
      home.signed({ argv: ['/bin/sh', '-c', script], cwd: home.root, env: { MARK: 'x' } }).words,
      shown,
    )
    assert.deepEqual(shown.text().trim().split('\n'), [
      home.root,
      'x',
      'HOME LANG LOGNAME MARK MTTRLY_RUN PATH PWD SHELL USER 0022',
      '4',
    ])
  })

  it('gives the run its input, whole, and none where none was granted', async () => {
    const given = Buffer.concat([Buffer.from([0, 0xff, 10]), Buffer.alloc(LIMITS.grantInput - 3, 'x')])
    const sum = async (over: object): Promise<string> => {
      const io = collect()
      outcomeOf(await home.lanes.act('run', home.signed({ argv: ['/usr/bin/sha256sum'], ...over }).words, io))
      return io.text().slice(0, 64)
    }
    assert.equal(await sum({ input: given.toString('base64') }), sha256(given))
    assert.equal(await sum({}), sha256(''))
    assert.equal(await sum({ input: '' }), sha256(''))
    const both = home.signed({ input: 'eA==', terminal: true }).words
    assert.equal(refusalOf(await home.lanes.act('run', both, collect())), 'VALIDATION_ERROR on_a_terminal')
  })

  it('streams what a terminal shows when one is wanted', async () => {
    const io = collect()
    const { words } = home.signed({
      argv: ['/bin/sh', '-c', 'test -t 0 && test -t 1 && echo terminal; exit 3'],
      terminal: true,
    })
    const outcome = outcomeOf(await home.lanes.act('run', words, io))
    assert.equal(io.text().trim(), 'terminal')
    assert.equal(outcome.exitCode, 3)
  })

  it('tells the signal that ended it', async () => {
    const outcome = outcomeOf(
      await home.lanes.act('run', home.signed({ argv: ['/bin/sh', '-c', 'kill -SEGV $$'] }).words, collect()),
    )
    assert.deepEqual([outcome.state, outcome.signal], ['RUN_STATE_SIGNALLED', 'SIGSEGV'])
  })

  it('runs as another account when that was granted', async () => {
    const io = collect()
    await home.lanes.act(
      'run',
      home.signed({ argv: ['/bin/sh', '-c', 'id -un; echo $HOME; grep CapEff /proc/self/status'], user: 'nobody' })
        .words,
      io,
    )
    assert.match(io.text(), /^nobody\n\S+\nCapEff:\s+0+\n$/)
  })

  const refused: Record<string, () => { words: ReturnType<LaneHome['signed']>['words']; why: string }> = {
    'another key': () => ({
      words: home.signed({ argv: counting() }, generateKeyPairSync('ed25519').privateKey).words,
      why: 'POLICY_DENIED grant_signature',
    }),
    'bytes that were changed': () => {
      const { words } = home.signed({ argv: counting() })
      const grant = Buffer.from(words.grant, 'base64').toString('utf8').replace('ran', 'RAN')
      return { words: { ...words, grant: Buffer.from(grant).toString('base64') }, why: 'POLICY_DENIED grant_signature' }
    },
    'another server': () => ({
      words: home.signed({ argv: counting(), server_id: 'srv_other' }).words,
      why: 'POLICY_DENIED grant_server',
    }),
    'a time that has passed': () => ({
      words: home.signed({ argv: counting(), start_before: Date.now() - 1 }).words,
      why: 'TIMEOUT start_before',
    }),
    'an account that does not exist': () => ({
      words: home.signed({ argv: counting(), user: 'no-such' }).words,
      why: 'VALIDATION_ERROR no_such_account',
    }),
  }
  for (const [name, make] of Object.entries(refused)) {
    it(`refuses ${name}, and nothing runs`, async () => {
      const { words, why } = make()
      assert.equal(refusalOf(await home.lanes.act('run', words, collect())), why)
      assert.equal(ran(), 0)
    })
  }

  it('refuses on a read-only host', async () => {
    const policy = join(home.configDirectory, 'policy.yaml')
    try {
      for (const text of ['read_only: true', 'lanes: { act: false }', 'nonsense: 1', '']) {
        writeFileSync(policy, text)
        assert.match(
          refusalOf(await home.lanes.act('run', home.signed({ argv: counting() }).words, collect())),
          /^POLICY_DENIED/,
        )
      }
      assert.equal(ran(), 0)
    } finally {
      rmSync(policy)
    }
  })

  it('spends a nonce and an action once, also when both ask at the same time', async () => {
    const { words, grant } = home.signed({ argv: counting() })
    const answers = await Promise.all([1, 2, 3].map(() => home.lanes.act('run', words, collect())))
    assert.deepEqual(answers.map(({ kind }) => kind).sort(), ['outcome', 'refusal', 'refusal'])
    const sameNonce = home.signed({ argv: counting(), nonce: grant.nonce })
    assert.equal(refusalOf(await home.lanes.act('run', sameNonce.words, collect())), 'POLICY_DENIED grant_used')
    const sameAction = home.signed({ argv: counting(), action_id: grant.action_id })
    assert.equal(refusalOf(await home.lanes.act('run', sameAction.words, collect())), 'POLICY_DENIED grant_used')
    assert.equal(ran(), 1)
  })

  it('burns what it is asked to settle and never saw', async () => {
    const { words } = home.signed({ argv: counting() })
    assert.equal(outcomeOf(await home.lanes.act('settle', words, collect())).state, 'RUN_STATE_NOT_STARTED')
    assert.equal(refusalOf(await home.lanes.act('run', words, collect())), 'POLICY_DENIED grant_used')
    assert.equal(ran(), 0)
  })

  it('gives the stored outcome and the rest of the output when it is asked again', async () => {
    const { words } = home.signed({ argv: counting('echo 0123456789') })
    const first = outcomeOf(await home.lanes.act('run', words, collect()))
    const io = collect()
    assert.deepEqual(outcomeOf(await home.lanes.act('settle', { ...words, outputFrom: 4 }, io)), first)
    assert.equal(io.text(), '456789\n')
  })

  it('attaches to one that runs, and hands on its output as it comes', async () => {
    const go = join(home.root, 'go')
    const { words } = home.signed({
      argv: counting(`echo before; while [ ! -e ${go} ]; do sleep 0.05; done; echo after`),
    })
    const first = home.lanes.act('run', words, collect())
    while (ran() === 0) await new Promise((resolve) => setImmediate(resolve))
    const io = collect()
    const seen = Promise.withResolvers<void>()
    const second = home.lanes.act('settle', words, {
      ...io,
      onOutput: async (offset, data) => {
        await io.onOutput(offset, data)
        seen.resolve()
      },
    })
    await seen.promise
    writeFileSync(go, '')
    assert.deepEqual(outcomeOf(await second), outcomeOf(await first))
    assert.equal(io.text(), 'before\nafter\n')
    assert.equal(ran(), 1)
  })

  it('ends one that runs elsewhere on a cancel', async () => {
    const { words } = home.signed({ argv: counting('sleep 300') })
    const first = home.lanes.act('run', words, collect())
    while (ran() === 0) await new Promise((resolve) => setImmediate(resolve))
    const cancel = new AbortController()
    cancel.abort()
    assert.equal(outcomeOf(await home.lanes.act('settle', words, collect(cancel.signal))).state, 'RUN_STATE_CANCELLED')
    assert.equal(outcomeOf(await first).state, 'RUN_STATE_CANCELLED')
  })

  it('ends the whole tree when time is up, the escapee too', async () => {
    const pids = join(home.root, 'pids')
    const escaping = `(setsid sh -c "echo \\$\\$ >> ${pids}; trap '' TERM; sleep 300; sleep 300" &) ; echo $$ >> ${pids}; sleep 300`
    const { words } = home.signed({ argv: ['/bin/sh', '-c', escaping], timeout_ms: 500 })
    const outcome = outcomeOf(await home.lanes.act('run', words, collect()))
    assert.equal(outcome.state, 'RUN_STATE_TIMED_OUT')
    assert.deepEqual(outcome.survivors, [])
    const left = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
    assert.deepEqual([left.length, left.filter(isRunning)], [2, []])
  })

  it('keeps so much output and no more, and counts the rest', async () => {
    const { words } = home.signed({ argv: ['/bin/sh', '-c', 'seq 1 3000000'] })
    const io = collect()
    const outcome = outcomeOf(await home.lanes.act('run', words, io))
    assert.equal(outcome.outputBytes, 22_888_896)
    assert.ok(outcome.outputKept <= LIMITS.keptOutput && outcome.outputKept > LIMITS.keptOutput - 2 * LIMITS.chunk)
    assert.equal(io.bytes(), outcome.outputKept)
    assert.match(outcome.outputSha256, /^[0-9a-f]{64}$/)
  })

  it('says when nothing could be started', async () => {
    const outcome = outcomeOf(await home.lanes.act('run', home.signed({ argv: ['/no/such/program'] }).words, collect()))
    assert.deepEqual([outcome.state, outcome.detail], ['RUN_STATE_NOT_STARTED', 'It could not be started (ENOENT).'])
  })

  it('says so too of what cannot be handed to the kernel', async () => {
    const { words } = home.signed({ argv: ['/bin/echo', 'a\0b'] })
    assert.equal(outcomeOf(await home.lanes.act('run', words, collect())).state, 'RUN_STATE_NOT_STARTED')
  })

  it('runs to its end also when Central asks for output from where there can be none', async () => {
    const { words } = home.signed({ argv: counting('sleep 0.3; echo ended') })
    for (const [doing, outputFrom] of [
      ['run', 2 ** 63],
      ['settle', 2 ** 63],
      ['settle', -1],
      ['settle', 0.5],
    ] as const) {
      const io = collect()
      const answer = await home.lanes.act(doing, { ...words, outputFrom }, io)
      assert.equal(outcomeOf(answer).state, 'RUN_STATE_EXITED', `${doing} from ${outputFrom}`)
      assert.equal(io.text(), '')
    }
  })

  it('sweeps copies of scripts that were left behind, and none that runs or is about to', async () => {
    const copy = (name: string, ageMs: number): string => {
      const directory = join(home.dataDirectory, 'act', `script-${name}`)
      mkdirSync(directory)
      writeFileSync(join(directory, 'tidy'), 'read -r line', { mode: 0o700 })
      const made = new Date(Date.now() - ageMs)
      utimesSync(directory, made, made)
      return directory
    }
    const [left, young, runs] = [copy('left', 3_600_000), copy('young', 0), copy('runs', 3_600_000)]
    const running = spawn('/bin/sh', [join(runs, 'tidy')], { stdio: ['pipe', 'ignore', 'inherit'] })
    await once(running, 'spawn')
    outcomeOf(await home.lanes.act('run', home.signed({ argv: counting() }).words, collect()))
    assert.deepEqual([left, young, runs].map(existsSync), [false, true, true])
    running.stdin.end()
    await once(running, 'exit')
    outcomeOf(await home.lanes.act('run', home.signed({ argv: counting() }).words, collect()))
    assert.deepEqual([young, runs].map(existsSync), [true, false])
  })

  it('forgets the others when one is no grant', async () => {
    const { words } = home.signed({ argv: counting('echo kept') })
    outcomeOf(await home.lanes.act('run', words, collect()))
    const spools = () => readdirSync(join(home.dataDirectory, 'act')).filter((name) => name.endsWith('.spool')).length
    const before = spools()
    await home.lanes.forget([Buffer.from('no grant').toString('base64'), words.grant])
    assert.equal(spools(), before - 1)
  })

  it('forgets output and outcome when told to, never the nonce', async () => {
    const { words } = home.signed({ argv: counting() })
    outcomeOf(await home.lanes.act('run', words, collect()))
    await home.lanes.forget([words.grant])
    assert.equal(refusalOf(await home.lanes.act('run', words, collect())), 'POLICY_DENIED grant_used')
    assert.equal(ran(), 1)
  })

  it('keeps its records to itself', () => {
    assert.equal(statSync(join(home.dataDirectory, 'act')).mode & 0o777, 0o700)
  })
})
