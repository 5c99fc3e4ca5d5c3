// Starts the real Central in this process, on free ports and a directory of its own: the one door of the tests to it.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Central, type Outside, startCentral } from '../../central/app.ts'
import { configOf } from '../../central/config.ts'
import type { Role, Scope } from '../../central/domain/principal.ts'
import { createPerson, type Person } from './person.ts'

export type Booted = {
  central: Central
  url: string
  dataDir: string
  workspaceId: string
  /** A member who can sign in with a password and a one-time code. The first one is the owner. */
  member(name: string, role?: Role): Promise<Person & { userId: string }>
  apiKey(userId: string, scopes?: Scope[]): Promise<string>
  /** Stops and starts it again on the same data and ports. */
  restart(): Promise<void>
}

type After = Pick<TestContext, 'after'>

export async function bootCentral(
  t: After,
  options: { config?: Parameters<typeof configOf>[0]; outside?: Outside; dataDir?: string } = {},
): Promise<Booted> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'mttrly-central-'))
  const settings = { data: dataDir, 'http-port': 0, 'grpc-port': 0, 'log-level': 'silent', ...options.config }
  let central = await startCentral(configOf(settings), options.outside)
  t.after(async () => {
    await central.stop()
    if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true })
  })
  const workspaceId = await central.firstWorkspace()
  const url = central.publicUrl
  const fixed = { ...settings, 'http-port': Number(new URL(url).port), 'grpc-port': central.grpcPort }

  async function member(name: string, role: Role = 'owner') {
    const email = `${name}@example.org`
    const password = randomBytes(12).toString('hex')
    const { accounts, totp } = central.identity
    const first = role === 'owner' && !(await accounts.ownerExists())
    const made = first
      ? await accounts.createOwner({ email, password, totp: false })
      : await accounts.createUser({ email, password, role, workspaceId })
    if ('refused' in made) throw new Error(made.why)
    const enrolled = await totp.begin(made.id, email, { confirmed: true })
    if (!enrolled) throw new Error('no second factor')
    const account = { url, email, password, totpSecret: enrolled.secret }
    return { ...createPerson(account, central.clock.now), userId: made.id }
  }

  return {
    get central() {
      return central
    },
    url,
    dataDir,
    workspaceId,
    member,
    apiKey: async (userId, scopes = ['read', 'execute']) =>
      (await central.identity.apiKeys.create({ userId, workspaceId, name: 'test', scopes })).key,
    restart: async () => {
      await central.stop()
      central = await startCentral(configOf(fixed), options.outside)
    },
  }
}
