// Attack classes A, B, C and F (test/redteam/attacks) against an installed agent: as a client's member, as the daemon's account, taken
// over, and as root, whose approved commands are redacted and shown as data too. Every class is tried once where nothing is in its
// way, to see that what must not happen would be noticed.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Attack, filled, KEPT, tells, textsOf } from '../redteam/attacks/attack.ts'
import { COMMAND_ATTACKS } from '../redteam/attacks/commands.ts'
import { FILE_ATTACKS, MOUNTED_ATTACKS, RACES, SWAPS } from '../redteam/attacks/files.ts'
import { GUESSES, PASSWORD, PLACES, TOKEN, TRANSFORMATIONS, WRAPPED } from '../redteam/attacks/secrets.ts'
import { FORGED, HIDING, LEAVING, ORDER, ORDERS } from '../redteam/attacks/untrusted.ts'
import { inParallel, startAttacked } from './attacked.ts'
import { whyNoGuest } from './guest.ts'
import { createCleanup } from './world.ts'

/** In process every path is tried through every door; here through one of them, each in its turn. */
const inTurn = (attacks: readonly Attack[], doors: number): Attack[] =>
  attacks.filter((_, at) => at % doors === Math.floor(at / doors) % doors)
const ofItem = (item: string): Attack[] => FILE_ATTACKS.filter(({ id }) => id === item)
const TABLE: readonly Attack[] = [
  ...COMMAND_ATTACKS,
  ...['B1', 'B4', 'B5'].flatMap(ofItem),
  ...inTurn(ofItem('B2'), 7),
  ...inTurn(MOUNTED_ATTACKS, 7),
  ...inTurn(ofItem('B6'), 2),
  ...TRANSFORMATIONS,
  ...LEAVING,
]
const LINES = TABLE.filter(({ tool }) => tool === 'execute_command')
const namesOf = (rows: readonly { name: string }[]): string[] => rows.map(({ name }) => name)
const lineOf = ({ args }: Attack): string => String(args.command)
const OPENLY = 'systemctl|journalctl|docker'
/** What a terminal obeys, and what a reader does not see. */
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
const SECRETS = [TOKEN.slice(4), PASSWORD]
const isTold = (said: string): boolean => SECRETS.some((secret) => tells(said, secret))

describe('an installed agent under attack', { skip: whyNoGuest() ?? false }, () => {
  let on: Awaited<ReturnType<typeof startAttacked>>
  const cleanup = createCleanup()
  after(cleanup.run)
  before(async () => {
    on = await startAttacked(cleanup)
  })

  test('as a client: nothing of the tables is done, and nothing is told that nobody may know', async () => {
    const wrong: string[] = []
    await inParallel(TABLE, async ({ id, name, tool, args, holds }, at) => {
      const { ok, status, said } = await on.tried({ tool, args }, at)
      const held = holds === 'silent' || (holds === 'refused' ? !ok : status === 'pending_approval' || !ok)
      if (!held || said.includes(KEPT)) wrong.push(`${id} ${name}: ${said.slice(0, 300)}`)
    })
    assert.deepEqual(wrong, [])
    assert.equal(await on.changed(), '')
  })

  test('… nor while files are swapped', async () => {
    const loop = `while :; do ${SWAPS.trim().replaceAll('\n', ';').replaceAll('$R', '')}; done 2>/dev/null`
    await on.guest.must('cat >/srv/swap.sh; systemd-run -q --unit=swaps /bin/bash /srv/swap.sh', loop)
    const came = { answered: 0, refused: 0 }
    await inParallel(Array.from({ length: 5 }, () => RACES).flat(), async (attack, at) => {
      const { ok, said } = await on.tried(attack, at)
      assert.ok(!said.includes(KEPT), attack.name)
      came[ok ? 'answered' : 'refused']++
    })
    assert.equal(
      await on.guest.must('systemctl stop swaps; ls /etc/ssl/private; cat /etc/ssl/private/*'),
      `kept\n${KEPT}`,
    )
    assert.ok(came.answered > 0 && came.refused > 0, JSON.stringify(came))
    await on.forget() // a swap counts the links of what it is about
  })

  describe('with the daemon’s account taken over, so that no classifier looks', () => {
    test('no command of the tables does anything in the read lane', async () => {
      const inner = LINES.filter(({ id }) => id !== 'A9').map((attack, at) =>
        Buffer.from(filled(lineOf(attack), on.wordsFor(at))).toString('base64'),
      )
      const batches = Array.from({ length: Math.ceil(inner.length / 16) }, (_, at) =>
        inner.slice(at * 16, at * 16 + 16),
      )
      const said = await on.taken(
        batches.map((batch) => {
          const line = `for x in ${batch.join(' ')}; do timeout -k 1 2 /bin/bash -c "$(echo $x | base64 -d)" </dev/null; done 2>&1`
          return { socket: '/run/mttrly/read.sock', words: { do: 'read', id: 'x', line, timeoutMs: 50_000 } }
        }),
      )
      for (const each of said) assert.match(each, /RUN_STATE_EXITED/)
      assert.ok(!said.join('').includes(KEPT))
      assert.equal(await on.changed(), '')
    })
    test('no verb is one that is not in the table', async () => {
      const verbs = LINES.filter((attack) => lineOf(attack).match(`^(?:${OPENLY})`))
      const words = verbs.map((attack, at) => ({
        do: lineOf(attack).startsWith('docker') ? 'docker' : 'inspect',
        id: 'x',
        argv: filled(lineOf(attack), on.wordsFor(at)).split(' '),
        timeoutMs: 5_000,
      }))
      const said = await on.taken(words.map((each) => ({ socket: `/run/mttrly/${each.do}.sock`, words: each })))
      assert.ok(said.length > 20)
      for (const [at, each] of said.entries()) assert.match(each, /not_a_verb|POLICY_DENIED/, verbs[at]?.name)
      assert.equal(await on.changed(), '')
    })
    test('no file is read or written but by the rules', async () => {
      const readOrWritten = ({ id, tool }: Attack): boolean =>
        tool === (id === 'B2' ? 'read_privileged_file' : 'cleanup_file')
      const rows = [...MOUNTED_ATTACKS, ...['B2', 'B6'].flatMap(ofItem)]
        .filter(readOrWritten)
        .filter((_, at) => at % 3 === 0)
      const read = { do: 'read', ring: 'privileged', wanted: { kind: 'tail', lines: 9 }, maxBytes: 1_000 }
      const said = await on.taken(
        rows.map(({ tool, args: { path } }) => {
          const json = JSON.stringify(
            tool === 'cleanup_file' ? { do: 'plan', path, content: 'eA==' } : { ...read, path },
          )
          return { socket: '/run/mttrly/inspect.sock', words: { do: 'files', json } }
        }),
      )
      assert.ok(!said.join('').includes(KEPT))
      const answered = rows.filter((_, at) => !/POLICY_DENIED|VALIDATION_ERROR|NOT_FOUND/.test(said[at] ?? ''))
      assert.deepEqual(namesOf(answered), [])
    })
    test('no secret is told by a lane, whatever it is wrapped in', async () => {
      const line = `for n in $(seq 0 ${WRAPPED.length - 1}); do cat /srv/c/$n.txt; echo "--$n--"; done`
      const [said = ''] = await on.taken([
        { socket: '/run/mttrly/read.sock', words: { do: 'read', id: 'x', line, timeoutMs: 30_000 } },
      ])
      const wrong = WRAPPED.filter(({ secret }) => tells(said, secret))
      assert.deepEqual(namesOf(wrong), [])
      assert.match(said, new RegExp(`redacted:[^]*--${WRAPPED.length - 1}--`))
    })
  })

  describe('secrets', () => {
    test('are told by no tool, whatever they are wrapped in', async () => {
      const wrong: string[] = []
      let answered = 0
      await inParallel(WRAPPED, async ({ name, secret }, at) => {
        const { ok, said } = await on.ask(...shownBy(at, `/srv/c/${at}.txt`))
        if (ok) answered++ // what is no text has no difference
        if (tells(said, secret)) wrong.push(`${name}: ${said.slice(0, 300)}`)
      })
      assert.ok(answered > WRAPPED.length / 2, String(answered))
      assert.deepEqual(wrong, [])
    })
    test('are told by no search, to whoever guesses', async () => {
      const hits = async (query: string) =>
        ((await on.ask('search_files', { path: '/srv/c', query })).value.hits ?? []) as unknown[]
      await inParallel(
        GUESSES.filter((_, at) => at % 2 === 0),
        async (guess) => assert.deepEqual(await hits(guess), [], guess),
      )
      assert.ok((await hits('DB_PASSWORD=')).length > 0)
    })
    test('are told of no other place: arguments, environments, names, the journal, schedules', async () => {
      const looks = PLACES.flatMap(({ name, looks }) => looks.map((look) => [name, ...look] as const))
      const wrong: string[] = []
      await inParallel(looks, async ([name, tool, args]) => {
        const { ok, said, status } = await on.ask(tool, args)
        const own = JSON.stringify(args)
        // What the client itself has said is no news.
        if (isTold(own.includes(TOKEN) ? said.replaceAll(TOKEN, '') : said))
          wrong.push(`${name}, ${tool} ${own}: ${said.slice(0, 400)}`)
        if (!ok || status === 'pending_approval')
          wrong.push(`${name}, ${tool} ${own} was not looked at: ${said.slice(0, 200)}`)
      })
      assert.deepEqual(wrong, [])
    })
    test('are told of no command that waits for a person, nor of its line in the log', async () => {
      const command = `DB_PASSWORD=${PASSWORD} deploy --token ${TOKEN}`
      const { value } = await on.ask('execute_command', { command })
      for (const tool of ['get_pending_actions', 'get_audit_log', 'get_action_result'] as const) {
        const { ok, said } = await on.ask(tool, tool === 'get_action_result' ? { action_id: value.action_id } : {})
        assert.ok(ok && !isTold(said), `${tool}: ${said.slice(0, 300)}`)
      }
      await on.ask('cancel_action', { action_id: value.action_id })
    })
    test('are told by nothing that root was approved to run', async () => {
      const script = `for n in $(seq 0 ${WRAPPED.length - 1}); do cat /srv/c/$n.txt; echo "--$n--"; done; ps -eo args; ls -R /srv/names; cat /srv/${TOKEN}; exit 7`
      const { value, said } = await on.approved('execute_script', { script })
      assert.equal(value.exit_code, 7, said.slice(-300))
      const wrong = WRAPPED.filter(({ secret }) => tells(said, secret))
      assert.deepEqual(namesOf(wrong), [])
      assert.ok(Number(value.redactions) >= 40, String(value.redactions))
    })
    test('… and would be noticed', async () => {
      const raw = await on.guest.must(`cat /srv/c/*; ps -eo args; ls -R /srv/names`)
      for (const { name, secret } of WRAPPED) assert.ok(tells(raw, secret), name)
    })
  })

  describe('text of the host', () => {
    test('arrives as data where text of a host is expected, whatever it orders', async (t) => {
      const met = new Set<string>()
      const keys = new Set<string>()
      for (const { name, looks } of ORDERS)
        await inParallel(looks, async ([tool, args]) => {
          const { value, said } = await on.ask(tool, args)
          if (said.includes(ORDER)) met.add(name)
          for (const key of keysOf(value, ORDER)) keys.add(key)
        })
      t.diagnostic(`met in ${[...keys].toSorted().join(', ')}`)
      const own = ['next_step', 'suggested_action', 'message', 'meaning', 'tool', 'approval_url', 'status', 'code']
      assert.deepEqual(
        own.filter((key) => keys.has(key)),
        [],
      )
      assert.ok(met.size >= 6, [...met].join())
    })
    test('hides nothing and commands no terminal, in any way of asking for it', async () => {
      const files = HIDING.map((_, at) => `/srv/c/${WRAPPED.length + at}.txt`)
      await inParallel(files, async (path, at) => {
        const { ok, value } = await on.ask(...shownBy(at, path))
        assert.ok(ok && textsOf(value).join('\n').includes('behind'), JSON.stringify(value))
        for (const text of textsOf(value)) assert.doesNotMatch(text, HIDDEN)
      })
      const { value, said } = await on.approved('execute_script', { script: `cat ${files.join(' ')}; exit 3` })
      assert.equal(value.exit_code, 3, said.slice(-300))
      for (const text of textsOf(value)) assert.doesNotMatch(text, HIDDEN)
      assert.match(await on.guest.must(`cat ${files.join(' ')}`), HIDDEN)
    })
    test('forges no end of an answer', async () => {
      await inParallel(FORGED, async (forged, at) => {
        const path = `/srv/c/forged-${at}.txt`
        const { value, status } = await on.ask('execute_command', { command: `grep -n "" ${path} /srv/not-there` })
        assert.deepEqual([status, value.exit_code], ['failed', 2])
        assert.ok(String(value.output).includes(forged.trim().split('\n')[0] as string), JSON.stringify(value))
      })
    })
    test('of one host is told of no other', async () => {
      const server_id = await on.otherServer()
      for (const tool of [
        'get_server_status',
        'get_alerts',
        'get_service_reality',
        'get_install_health',
        'quick_triage',
        'get_capabilities',
        'list_servers',
      ]) {
        const { said } = await on.ask(tool, ['get_capabilities', 'list_servers'].includes(tool) ? {} : { server_id })
        assert.ok(!said.includes(ORDER) && !isTold(said), `${tool}: ${said.slice(0, 300)}`)
      }
      const { tools } = await on.world.mcp.client.listTools()
      assert.ok(!JSON.stringify(tools).includes(ORDER))
    })
  })

  test('what was tried works where nothing is in its way', async (t) => {
    await on.forget()
    const made = LINES.filter((attack) => attack.id !== 'A9' && /MARK|CALL|told/.test(lineOf(attack)))
    const script = made.map((attack) => {
      const at = TABLE.indexOf(attack)
      const line = Buffer.from(filled(lineOf(attack), on.wordsFor(at))).toString('base64')
      return `timeout -k 1 2 /bin/bash -c "$(echo ${line} | base64 -d)" </dev/null >/dev/null 2>&1`
    })
    on.put('srv/all.sh', script.join('\n'))
    await on.guest.sh('cd /; bash /srv/all.sh')
    const marks = (await on.guest.must('ls -A /srv/marks')).split('\n').map((name) => TABLE[Number(name)]?.id ?? name)
    const worked = Map.groupBy(marks, (id) => id)
    t.diagnostic(
      `${[...worked].map(([id, each]) => `${id}: ${each.length}`).join(', ')}; ${on.contacts.length} contacts`,
    )
    for (const id of ['A1', 'A2', 'A4', 'A5', 'A6', 'A7', 'A8'])
      assert.ok(worked.has(id), `${id} of ${[...worked.keys()]}`)
    assert.ok(on.contacts.length > 2)
    const paths = FILE_ATTACKS.filter(({ id, tool }) => id === 'B2' && tool === 'read_file').map(
      ({ args }) => `'${args.path}'`,
    )
    const told = await on.guest.sh(
      `for path in ${paths.filter((path) => !path.includes('\0')).join(' ')}; do timeout 1 cat "$path" 2>/dev/null </dev/null | head -c 300; done`,
    )
    assert.ok(told.stdout.split(KEPT).length > 10, `${told.stdout.split(KEPT).length - 1} paths lead to it`)
  })
})

/** A file by one way of looking at it, each in its turn. */
function shownBy(at: number, path: string): [tool: string, args: Record<string, unknown>] {
  if (at % 3 === 0) return ['read_file', { path }]
  return at % 3 === 1
    ? ['diff_file', { from_path: '/srv/app/file', to_path: path }]
    : ['execute_command', { command: `cat ${path}` }]
}

/** The names under which a text is found in a value. */
function keysOf(value: unknown, text: string, under = ''): string[] {
  if (typeof value === 'string') return value.includes(text) ? [under] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => keysOf(each, text, Array.isArray(value) ? under : key))
}
