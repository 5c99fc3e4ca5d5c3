// A network for one guest: an interface, a gateway, a name server, and this machine's ports that it may reach as its own.
// Nothing of it touches this machine's network, so that a guest may have a firewall, and ports 80 and 443.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { splice } from './splice.ts'

const OUTSIDE = fileURLToPath(new URL('./outside.ts', import.meta.url))
const GATEWAY = '10.77.0.1'
const NAMED = '/run/netns'

export const RESOLV_CONF = `nameserver ${GATEWAY}\n`

function ip(line: string): void {
  const { status, stderr } = spawnSync('ip', line.split(' '), { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${line}: ${stderr}`)
}

/** Those of test runs that were killed. */
function sweep(): void {
  for (const name of existsSync(NAMED) ? readdirSync(NAMED) : []) {
    const owner = /^incidents-(\d+)-(in|out)$/.exec(name)?.[1]
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) ip(`netns del ${name}`)
  }
}

async function runIn(namespace: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, OUTSIDE, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

/** @returns arguments for systemd-nspawn */
export async function startNetwork(t: { after(hook?: unknown): void }, ports: readonly number[]): Promise<string[]> {
  sweep()
  const [inside, outside] = [`incidents-${process.pid}-in`, `incidents-${process.pid}-out`] as const
  const sockets = mkdtempSync(join(tmpdir(), 'mttrly-ports-'))
  t.after(() => rmSync(sockets, { recursive: true, force: true }))
  for (const name of [inside, outside]) {
    ip(`netns add ${name}`)
    t.after(() => ip(`netns del ${name}`))
  }
  ip(`link add eth0 netns ${inside} type veth peer name gateway netns ${outside}`)
  for (const [name, link, address] of [
    [inside, 'eth0', '10.77.0.2'],
    [outside, 'gateway', GATEWAY],
  ]) {
    ip(`-n ${name} link set lo up`)
    ip(`-n ${name} addr add ${address}/24 dev ${link}`)
    ip(`-n ${name} link set ${link} up`)
  }
  ip(`-n ${inside} route add default via ${GATEWAY}`)

  for (const port of ports) {
    const server = createServer((inner) => splice(inner, connect(port, '127.0.0.1'))).listen(
      join(sockets, String(port)),
    )
    await once(server, 'listening')
    t.after(() => server.close())
  }
  const children = [await runIn(outside, 'dns', GATEWAY), await runIn(inside, 'ports', sockets, ...ports.map(String))]
  t.after(() => children.map((child) => child.kill()))
  return [`--network-namespace-path=${NAMED}/${inside}`, '--capability=CAP_NET_ADMIN']
}
