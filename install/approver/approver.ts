// The approver's tool: keeps a key that hosts in signed mode believe, shows what waits for it, and signs. It runs on the
// approver's own machine, and takes from Central what is to run, never what to think of it.
import { sign } from 'node:crypto'
import { z } from 'zod'
import { type Approval, Run, statementFor } from '#proto/contract/approval.ts'
import { keyIdOf, sha256 } from '#proto/contract/canonical.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { ask, siteOf } from './central.ts'
import { changeKept, type Kept, makeKept, mustBeNone, nameServer, policyEntry, Refusal, readKept } from './keeper.ts'
import { escaped, folded, runLines, saidLines } from './show.ts'

export type Terminal = {
  print(line: string): void
  /** Undefined where it is none. */
  columns?: number | undefined
  /** What the person types; only where there is one. @throws Refusal */
  ask(question: string): Promise<string>
  /** A line that is not for the screen. */
  secret(what: string): Promise<string>
}
export type Options = { home: string; central?: string | undefined; name?: string | undefined }

const Waiting = z.object({
  action_id: z.string(),
  server_id: z.string(),
  server_name: z.string(),
  status: z.string(),
  title: z.string(),
  effect: z.string(),
  reason: z.string(),
  asked_by: z.string(),
  client: z.string(),
})
const Queue = z.object({ actions: z.array(Waiting) })
const Shown = Waiting.extend({ run: Run })
const Answer = z.object({ status: z.string() })

type Command = { help: string; run(words: readonly string[], options: Options, terminal: Terminal): Promise<void> }

export const COMMANDS: Readonly<Record<string, Command>> = {
  init: { help: '--central URL --name YOU   makes a key; takes an API key of yours on standard input', run: init },
  login: { help: '[--central URL]   takes another API key, and another URL; the signing key stays', run: login },
  list: { help: 'what waits for a signature', run: list },
  show: {
    help: 'ACTION   what would run',
    run: async ([id], { home }, terminal) => void (await show(id, home, terminal)),
  },
  sign: { help: 'ACTION   shows it, asks, signs', run: signAction },
  name: { help: 'SERVER NAME   a name of your own for a server: shown instead of what Central calls it', run: name },
}

async function init(_words: readonly string[], { home, central, name }: Options, terminal: Terminal): Promise<void> {
  if (!central || !name) throw new Refusal('init needs --central URL and --name YOU.')
  mustBeNone(home)
  const kept = makeKept(home, { name, ...(await wayTo(central, terminal)) })
  terminal.print('In /etc/mttrly/policy.yaml of each host that is to believe you, then systemctl restart mttrly-agent:')
  for (const line of ['', 'approvals: signed', 'approvers:', `  - ${policyEntry(kept)}`, '']) terminal.print(line)
}

async function login(_words: readonly string[], { home, central }: Options, terminal: Terminal): Promise<void> {
  const way = await wayTo(central ?? readKept(home).central, terminal)
  changeKept(home, way)
  terminal.print(`The API key for ${way.central} is replaced; the signing key is the one that hosts know.`)
}

/** Central is asked before anything is kept: a key that may not decide is better refused here than at the first signature. */
async function wayTo(url: string, terminal: Terminal): Promise<Pick<Kept, 'central' | 'token'>> {
  const central = siteOf(url)
  const token = await terminal.secret('An API key of yours, with the scope execute')
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Refusal('Standard input must hold one API key, and nothing else.')
  const answer = await ask({ central, token }, '/approver/actions')
  if (!Queue.safeParse(answer).success) throw new Refusal(`${escaped(central)} does not answer like Central.`)
  return { central, token }
}

async function list(_words: readonly string[], { home }: Options, terminal: Terminal): Promise<void> {
  const kept = readKept(home)
  const { actions } = Queue.parse(await ask(kept, '/approver/actions'))
  if (actions.length === 0) terminal.print('Nothing waits for a signature.')
  for (const action of actions)
    for (const row of folded(
      `${escaped(action.action_id)}  ${whereOf(kept, action)}  ${escaped(action.title)}`,
      terminal.columns,
    ))
      terminal.print(row)
}

async function show(id: string | undefined, home: string, terminal: Terminal) {
  if (id === undefined) throw new Refusal('Which action?')
  const kept = readKept(home)
  const action = Shown.parse(await ask(kept, `/approver/actions/${encodeURIComponent(id)}`))
  if (action.action_id !== id) throw new Refusal('Central answered with another action.')
  const { title, effect, reason, asked_by, client } = action
  const said = [title, effect, reason && `Reason: ${reason}`, `Asked by ${asked_by}, with ${client}`].filter(Boolean)
  // What is signed comes last: nobody else's words stand between it and the question.
  for (const line of [
    'Said by Central and by whoever asks, and no part of what you sign:',
    ...said.flatMap(saidLines),
    '',
    ...runLines(action.run),
    `Server       ${whereOf(kept, action)}`,
    `Action       ${escaped(id)}`,
  ])
    for (const row of folded(line, terminal.columns)) terminal.print(row)
  return { kept, action }
}

async function signAction([id]: readonly string[], { home }: Options, terminal: Terminal): Promise<void> {
  const { kept, action } = await show(id, home, terminal)
  if (action.status !== 'pending_approval') throw new Refusal(`It does not wait any more: ${escaped(action.status)}.`)
  terminal.print('')
  if ((await terminal.ask('Sign this? Type yes: ')).trim() !== 'yes') throw new Refusal('Nothing was signed.')
  const about = { serverId: action.server_id, actionId: action.action_id, run: action.run }
  const approval = signed(statementFor(about, Date.now() + LIMITS.approvalLife), kept)
  const path = `/approver/actions/${encodeURIComponent(action.action_id)}`
  const { status } = Answer.parse(await ask(kept, path, approval))
  terminal.print(`Signed; statement SHA-256 ${sha256(approval.statement)}. The action is ${escaped(status)}.`)
}

const signed = (statement: string, { key }: Kept): Approval => ({
  statement,
  key_id: keyIdOf(key),
  signature: sign(null, Buffer.from(statement), key).toString('base64'),
})

async function name([id, given]: readonly string[], { home }: Options): Promise<void> {
  if (!id || !given) throw new Refusal('name needs a server and a name.')
  nameServer(home, id, given)
}

/** A name that Central gives could be another server's: it counts only with the id. */
function whereOf({ servers }: Kept, { server_id, server_name }: z.infer<typeof Waiting>): string {
  const own = Object.hasOwn(servers, server_id) ? servers[server_id] : undefined
  const called =
    own === undefined ? `not named by you; Central calls it ${escaped(server_name.slice(0, 120))}` : escaped(own)
  return `${escaped(server_id)} (${called})`
}
