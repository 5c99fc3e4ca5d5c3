// `npm run admin -- …`: what the person at Central's own machine can do without a browser. It works on the same records
// as a running Central.
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { authorityStatus, takeAuthorityStep } from './admin-ca.ts'
import { actorOf, SYSTEM } from './approvals/approvals.ts'
import { verifyExport } from './audit/offline.ts'
import { type Config, ConfigError, configWith, notedPublicUrl } from './config.ts'
import { type Core, openCore } from './core.ts'
import { createId } from './domain/ids.ts'
import { PLANS } from './domain/plan.ts'
import { SCOPES } from './domain/principal.ts'
import type { Step } from './fleet/authorities.ts'
import { INVITED_ROLES } from './identity/invitations.ts'

const OPTIONS = {
  data: { type: 'string' },
  database: { type: 'string' },
  'public-url': { type: 'string' },
  'http-port': { type: 'string' },
  email: { type: 'string' },
  'password-stdin': { type: 'boolean' },
  totp: { type: 'boolean' },
  role: { type: 'string' },
  scopes: { type: 'string' },
  name: { type: 'string' },
  days: { type: 'string' },
  plan: { type: 'string' },
  servers: { type: 'string' },
  file: { type: 'string' },
  key: { type: 'string' },
  lose: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

type Options = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']
type Command = { help: string; run: (options: Options) => Promise<unknown> }

/** A clear refusal, printed without a stack. */
class Refusal extends Error {}

const COMMANDS: Record<string, Command> = {
  'owner create': {
    help: '--email E --password-stdin [--totp]   make the first owner',
    run: (options) => withCore(options, (core) => createOwner(core, options)),
  },
  'api-key create': {
    help: '--email E --scopes read,execute [--name N] [--days D]   make an API key; shown once',
    run: (options) => withCore(options, (core) => createApiKey(core, options)),
  },
  'member invite': {
    help: `--email E --role ${INVITED_ROLES.join('|')}   a one-time link that makes a member; shown once`,
    run: (options) => withCore(options, (core) => invite(core, options)),
  },
  'setup-link': {
    help: 'a new one-time link for the first owner',
    run: (options) =>
      withCore(options, async ({ identity }) => ({ setup: (await identity.accounts.createSetupLink()) ?? null })),
  },
  'plan set': {
    help: `--plan ${PLANS.join('|')} [--servers N|unlimited]   change the plan of the workspace`,
    run: (options) => withCore(options, (core) => setPlan(core, options)),
  },
  'audit verify': {
    help: '[--file EXPORT --key PUBLIC.pem]   check the audit log, here or offline on an export',
    run: (options) => (options.file ? verifyFile(options, options.file) : withCore(options, verifyHere)),
  },
  'audit export': {
    help: 'the audit log as JSON lines on stdout',
    run: (options) => withCore(options, exportAudit),
  },
  'audit key': {
    help: 'the public key that checks an export',
    run: (options) => withCore(options, async ({ keys }) => publicPem(keys.actionKey)),
  },
  'ca status': {
    help: '[--json]   the certificate authorities, and whom the next step would cut off',
    run: (options) => withCore(options, (core) => authorityStatus({ core }, options.json ?? false)),
  },
  'ca prepare': {
    help: 'make the next authority; agents are told of it',
    run: (options) => authorityStep(options, 'prepare'),
  },
  'ca switch': {
    help: '[--lose N]   the next authority issues; certificates of the old one still count',
    run: (options) => authorityStep(options, 'switch'),
  },
  'ca retire': {
    help: '[--lose N]   certificates of the old authority count no longer',
    run: (options) => authorityStep(options, 'retire'),
  },
}

/** Refused unless nobody is cut off by it, or exactly as many as the administrator says. */
const authorityStep = (options: Options, step: Step) =>
  withCore(options, async (core) => {
    const lose = Number(options.lose ?? '0')
    if (!Number.isSafeInteger(lose) || lose < 0) throw new Refusal('--lose takes a number of servers.')
    const taken = await takeAuthorityStep({ core, dataDir: settingsOf(options).dataDir }, step, lose)
    if ('refused' in taken) throw new Refusal(taken.refused)
    return taken.said
  })

/** Where Central's environment names a database, this works on the same one. */
function settingsOf({ data, database, 'public-url': url, 'http-port': port }: Options): Config {
  const given = { data, database, 'public-url': url, 'http-port': port }
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  return configWith({ ...Object.fromEntries(said), 'log-level': 'error' })
}

async function withCore<T>(options: Options, work: (core: Core) => Promise<T>): Promise<T> {
  const config = settingsOf(options)
  // A mistyped directory would be made, and an audit log of no lines found to be in order.
  if (!existsSync(config.dataDir))
    throw new Refusal(
      `There is no Central in ${config.dataDir}. Name its directory with --data, or start it there first.`,
    )
  const core = await openCore(config, { publicUrl: publicUrlOf(config, options), linkHost: config.grpc.host })
  try {
    return await work(core)
  } finally {
    await core.close()
  }
}

/** What is said, else what Central was last started with. */
function publicUrlOf({ publicUrl, dataDir, http }: Config, options: Options): string {
  const local = `http://localhost:${http.port}`
  if (publicUrl !== undefined) return publicUrl
  return options['http-port'] === undefined ? (notedPublicUrl(dataDir) ?? local) : local
}

async function createOwner({ identity }: Core, options: Options) {
  if (!options['password-stdin']) throw new Refusal('Give the password on standard input, with --password-stdin.')
  const password = readFileSync(0, 'utf8').replace(/\r?\n$/, '')
  const made = await identity.accounts.createOwner({
    email: required(options, 'email'),
    password,
    totp: options.totp ?? false,
  })
  if ('refused' in made) throw new Refusal(made.why)
  const { id, email, workspaceId, role, totp } = made
  return {
    user_id: id,
    email,
    workspace_id: workspaceId,
    role,
    ...(totp && { totp_secret: totp.secret, totp_uri: totp.uri }),
  }
}

async function createApiKey({ identity, people }: Core, options: Options) {
  const account = await identity.accounts.find(required(options, 'email'))
  if (!account) throw new Refusal('There is no account with this e-mail address.')
  const scopes = z
    .array(z.enum(SCOPES))
    .min(1)
    .safeParse((options.scopes ?? 'read').split(','))
  if (!scopes.success) throw new Refusal(`--scopes takes ${SCOPES.join(' and ')}, separated by a comma.`)
  const days = options.days === undefined ? undefined : Number(options.days)
  if (days !== undefined && !(days >= 1)) throw new Refusal('--days takes a number of days.')
  const name = options.name ?? 'command line'
  await people.write(
    'account.changed',
    account,
    { resource: 'api-keys', details: { name, scopes: scopes.data } },
    'system',
  )
  const { key, view } = await identity.apiKeys.create({
    userId: account.id,
    workspaceId: account.workspaceId,
    name,
    scopes: scopes.data,
    days,
  })
  return { key, key_id: view.id, scopes: view.scopes, expires_at: new Date(view.expiresAt).toISOString() }
}

async function invite({ identity, audit, firstWorkspace }: Core, options: Options) {
  const wish = { email: required(options, 'email'), role: required(options, 'role') }
  const problem = await identity.invitations.problemWith(wish)
  if (problem) throw new Refusal(problem.why)
  const workspaceId = await firstWorkspace()
  await audit.append({
    event: 'account.changed',
    workspace_id: workspaceId,
    call_id: createId('request'),
    actor: actorOf({ ...SYSTEM, clientName: 'command line' }),
    resource: 'invitations',
    details: wish,
  })
  const made = await identity.invitations.invite({ ...wish, workspaceId, invitedBy: null })
  if ('refused' in made) throw new Refusal(made.why)
  const { link, email, role, expiresAt } = made
  return { invitation: link, email, role, expires_at: new Date(expiresAt).toISOString() }
}

async function setPlan({ plans, audit, firstWorkspace }: Core, options: Options) {
  const plan = z.enum(PLANS).safeParse(required(options, 'plan'))
  if (!plan.success) throw new Refusal(`--plan takes ${PLANS.join(', ')}.`)
  const servers =
    options.servers === 'unlimited'
      ? null
      : options.servers === undefined
        ? undefined
        : Number(options.servers || Number.NaN)
  if (typeof servers === 'number' && !(Number.isSafeInteger(servers) && servers >= 0))
    throw new Refusal('--servers takes a number or "unlimited".')
  const workspaceId = await firstWorkspace()
  await audit.append({
    event: 'policy.changed',
    workspace_id: workspaceId,
    call_id: createId('request'),
    actor: actorOf({ ...SYSTEM, clientName: 'command line' }),
    resource: 'plan',
    details: { plan: plan.data, servers: servers ?? 'as the plan says' },
  })
  await plans.setPlan(workspaceId, plan.data)
  await plans.setOverrides(workspaceId, servers === undefined ? {} : { servers })
  const { limits } = await plans.get(workspaceId)
  return { plan: plan.data, limits }
}

async function verifyHere({ audit, firstWorkspace }: Core) {
  const result = await audit.verify(await firstWorkspace())
  if (!result.ok) process.exitCode = 2
  return result
}

async function verifyFile(options: Options, file: string) {
  const pem = options.key ? readFileSync(options.key, 'utf8') : ownPublicKey(options)
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })
  const result = await verifyExport(lines, createPublicKey(pem))
  if (!result.ok) process.exitCode = 2
  return result
}

/** Without --key, on the machine that holds Central's data. */
const ownPublicKey = (options: Options): string =>
  publicPem(createPrivateKey(readFileSync(join(settingsOf(options).dataDir, 'keys', 'action.key'))))

const publicPem = (key: KeyObject): string => createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()

async function exportAudit({ audit, firstWorkspace }: Core) {
  for await (const line of audit.exportLines(await firstWorkspace())) process.stdout.write(line)
  return undefined
}

function required(options: Options, name: 'email' | 'role' | 'plan'): string {
  const value = options[name]
  if (!value) throw new Refusal(`--${name} is missing.`)
  return value
}

const usage = (): string =>
  [
    'Usage: npm run admin -- [--data DIR] [--http-port N | --public-url URL] COMMAND',
    ...Object.entries(COMMANDS).map(([name, { help }]) => `  ${name} ${help}`),
    'The links that are printed begin with the URL that Central was last started with on these data, unless another is given.',
  ].join('\n')

async function main(): Promise<void> {
  try {
    const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true, strict: true })
    if (values.help) return console.log(usage())
    const command = COMMANDS[positionals.join(' ')]
    if (!command) throw new Refusal(usage())
    const said = await command.run(values)
    if (said !== undefined) console.log(typeof said === 'string' ? said.trimEnd() : JSON.stringify(said))
  } catch (error) {
    const expected =
      error instanceof Refusal || error instanceof ConfigError || (error instanceof TypeError && 'code' in error)
    console.error(expected ? error.message : error)
    process.exitCode = 1
  }
}

await main()
