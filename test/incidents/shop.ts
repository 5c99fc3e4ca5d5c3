// The host of the incidents: a real guest with a small shop on it (host/), noise (distractors/), a network of its own and
// an agent that was installed from a release which a real Central serves.
import { createHash } from 'node:crypto'
import { globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Diagnosis } from '#proto/contract/diagnosis.ts'
import { guestLayer, startGuest } from '../guest/guest.ts'
import { startServedCentral } from '../guest/world.ts'
import { RESOLV_CONF, startNetwork } from './network.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const WORDS = readFileSync(join(HERE, 'words.sh'), 'utf8')
const NAMES = '127.0.0.1 shop.example www.shop.example docs.example\n'
/** Runs what comes on standard input, so that it stands in no command line and in no log. */
const RUN_INPUT = 'script=$(cat); exec </dev/null; eval "$script"'

export type Shop = Awaited<ReturnType<typeof startShop>>

function layer(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of globSync('host/**', { cwd: HERE, withFileTypes: true })
    .filter((each) => each.isFile())
    .sort())
    hash.update(file.name).update(readFileSync(join(file.parentPath, file.name)))
  return guestLayer(`shop-${hash.digest('hex').slice(0, 8)}`, readFileSync(join(HERE, 'host/prepare.sh'), 'utf8'), [
    `--bind-ro=${join(HERE, 'host')}:/mnt`,
    `--bind-ro=${dirname(process.execPath)}:/opt`,
  ])
}

export async function startShop(t: { after(hook?: unknown): void }) {
  let ahead = 0
  const clock = { now: () => Date.now() + ahead }
  const world = await startServedCentral(t, { clock })
  const ports = [Number(new URL(world.booted.url).port), world.booted.central.grpcPort]
  const guest = await startGuest(t, await startNetwork(t, ports), await layer())
  writeFileSync(join(guest.root, 'etc/resolv.conf'), RESOLV_CONF)
  writeFileSync(join(guest.root, 'etc/hosts'), NAMES, { flag: 'a' })

  /** Runs scripts of this folder in the guest, as one. @throws Error with what they said */
  async function run(...files: string[]): Promise<void> {
    const script = [WORDS, ...files.map((file) => readFileSync(join(HERE, file), 'utf8'))].join('\n')
    const { code, stdout, stderr } = await guest.sh(RUN_INPUT, script)
    if (code !== 0) throw new Error(`${files.join(', ')} ended with ${code}:\n${stdout}${stderr}`)
  }

  await guest.must((await world.newToken()).command)
  await world.untilOnline(1)
  for (const file of readdirSync(join(HERE, 'distractors')).sort()) await run(`distractors/${file}`)
  await run('settle.sh')

  return {
    run,
    /** By the host's own command. */
    async diagnose(problem: string): Promise<Diagnosis> {
      const { stdout, stderr } = await guest.sh('mttrly-agent diagnose --json "$(cat)"', problem)
      try {
        return Diagnosis.parse(JSON.parse(stdout))
      } catch (error) {
        throw new Error(`no diagnosis: ${stdout.slice(0, 500)}${stderr.slice(-2_000)}`, { cause: error })
      }
    },
    /** By the tool, as an AI client calls it; Central's clock goes on as far as its cooldown asks. */
    async diagnoseByTool(problem: string): Promise<Record<string, unknown>> {
      ahead += 31_000
      const since = clock.now()
      const isBack = async () => (await world.servers()).some((each) => each.online && (each.lastSeenAt ?? 0) >= since)
      while (!(await isBack())) await sleep(200)
      const [server] = await world.servers()
      return world.mcp.value('run_diagnostic', { server_id: server?.id ?? '', problem })
    },
  }
}
