// Central as a process of its own, for tests that kill it. Over the process's channel the test creates accounts and
// decides actions as a signed-in person would, without the pages.
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Central, startCentral } from '../../central/app.ts'
import { configOf } from '../../central/config.ts'
import type { Role } from '../../central/domain/principal.ts'
import { person } from '../helpers/principals.ts'

type Settings = { data: string; 'http-port': number; 'grpc-port': number }

/** What can be asked of it; each answers with plain data. */
const requests = (central: Central) => ({
  async place() {
    const { publicUrl, grpcPort } = central
    return { url: publicUrl, grpcPort, workspaceId: await central.firstWorkspace() }
  },
  async member({ name, role }: { name: string; role: Role }) {
    const workspaceId = await central.firstWorkspace()
    const [email, password] = [`${name}@example.org`, randomBytes(12).toString('hex')]
    const { accounts, totp, apiKeys } = central.identity
    const made =
      role === 'owner'
        ? await accounts.createOwner({ email, password, totp: false })
        : await accounts.createUser({ email, password, role, workspaceId })
    if ('refused' in made) throw new Error(made.why)
    const enrolled = await totp.begin(made.id, email, { confirmed: true })
    const { key } = await apiKeys.create({ userId: made.id, workspaceId, name, scopes: ['read', 'execute'] })
    return { url: central.publicUrl, email, password, totpSecret: enrolled?.secret ?? '', key }
  },
  async installToken() {
    const owner = { workspaceId: await central.firstWorkspace(), createdBy: 'test' }
    return (await central.fleet.createInstallToken(owner)).token
  },
  async online({ serverId }: { serverId: string }) {
    return (await central.fleet.get(await central.firstWorkspace(), serverId))?.online ?? false
  },
  async approve({ actionId }: { actionId: string }) {
    const workspaceId = await central.firstWorkspace()
    const { digest, state } = await central.approvals.get(workspaceId, actionId)
    if (state !== 'pending_approval') return state
    const by = person({ workspaceId, userId: 'usr_test' })
    return (await central.approvals.decide({ by, actionId, decision: 'approve', proof: 'totp', digest })).state
  },
})

type Requests = ReturnType<typeof requests>
type Name = keyof Requests
type Asked<K extends Name> = Parameters<Requests[K]>[0]
type Answered<K extends Name> = Awaited<ReturnType<Requests[K]>>
type Question = { id: number; name: Name; about: unknown }
type Reply = { id: number; value?: unknown; fault?: string }

export type CentralProcess = Awaited<ReturnType<typeof startCentralProcess>>

/** Starts it and waits until agents and clients can come. */
export async function startCentralProcess(settings: Settings) {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(settings)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { PATH: '/usr/bin:/bin', NODE_COMPILE_CACHE: join(tmpdir(), `mttrly-e2e-central-${process.getuid?.() ?? 0}`) },
  })
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const ask = createAsk(child, ended)
  const { url, grpcPort, workspaceId } = await ask('place', undefined).catch((error) => {
    throw new Error(`Central did not start: ${log}`, { cause: error })
  })
  return {
    url,
    grpcPort,
    workspaceId,
    ask,
    log: () => log,
    pid: child.pid ?? 0,
    /** Without a chance to tidy up. */
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await ended
    },
    ended,
  }
}

function createAsk(child: ChildProcess, ended: Promise<void>) {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let asked = 0
  child.on('message', ({ id, value, fault }: Reply) => {
    const waiter = waiting.get(id)
    waiting.delete(id)
    if (fault === undefined) waiter?.resolve(value)
    else waiter?.reject(new Error(fault))
  })
  void ended.then(() => {
    for (const waiter of waiting.values()) waiter.reject(new Error('Central has ended'))
  })
  return <K extends Name>(name: K, about: Asked<K>): Promise<Answered<K>> => {
    const id = ++asked
    const waiter = Promise.withResolvers<unknown>()
    waiting.set(id, waiter)
    waiter.promise.catch(() => {})
    child.send({ id, name, about }, (error) => error && waiter.reject(error))
    return waiter.promise as Promise<Answered<K>>
  }
}

async function serve(settings: Settings): Promise<void> {
  const queue: Question[] = []
  process.on('message', (question: Question) => queue.push(question))
  const config = { 'log-level': 'error', 'calls-per-minute': 100_000, ...settings }
  const central = await startCentral(configOf(config))
  const table = requests(central) as unknown as Record<string, (about: unknown) => Promise<unknown>>
  const answer = ({ id, name, about }: Question) => {
    const reply = (rest: Omit<Reply, 'id'>) => process.send?.({ id, ...rest })
    table[name]?.(about).then(
      (value) => reply({ value }),
      (error: unknown) => reply({ fault: String(error) }),
    )
  }
  for (const question of queue) answer(question)
  process.removeAllListeners('message').on('message', answer)
  process.once('disconnect', () => process.exit(0)) // the test has gone
}

if (process.send && process.argv[1] === fileURLToPath(import.meta.url)) {
  await serve(JSON.parse(process.argv[2] ?? '{}') as Settings)
}
