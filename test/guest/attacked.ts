// A guest with an installed agent and all that the attacks of test/redteam/attacks want to find there: traps, secrets, orders, and a
// listener that counts who comes. And the ways in which they are tried: as a client, and as the daemon's account, taken over.
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { createCsr } from '../helpers/csr.ts'
import { type Attack, filled, KEPT, KEPTFILE, textsOf, type Words } from '../redteam/attacks/attack.ts'
import { HOSTILE_FILES, MOUNTS } from '../redteam/attacks/files.ts'
import { PLACES, WRAPPED } from '../redteam/attacks/secrets.ts'
import { FORGED, HIDING, ORDER, ORDERS } from '../redteam/attacks/untrusted.ts'
import { startGuest } from './guest.ts'
import { asAccount } from './lanes.ts'
import { type createCleanup, startServedCentral } from './world.ts'

/**
 * Outside of the guest, on the network that both share, so that no diagnosis takes it for a service of the host. It notes whoever
 * says something, and of questions for a name those that an attack has asked.
 */
async function listen(address: string, cleanup: ReturnType<typeof createCleanup>) {
  const contacts: string[] = []
  // A diagnosis sees whether what listens takes a connection; it says nothing there.
  const server = createServer((socket) => {
    socket.on('error', () => {}).setTimeout(1_000, () => socket.destroy())
    socket.once('data', () => {
      contacts.push('tcp')
      socket.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  const { port } = server.address() as AddressInfo
  const sockets = [port, 53].map((to) => {
    const socket = createSocket('udp4').on('message', (asked) => {
      if (to === port || /told|example/.test(asked.toString('latin1'))) contacts.push(`udp ${to}`)
    })
    socket.bind(to, address)
    return socket
  })
  cleanup.after(() => [server, ...sockets].map((each) => each.close()))
  return { contacts, call: `${address}:${port}` }
}
const TRAPS = `
  mkdir -p /srv/kept /srv/runs /srv/c; mkdir -m 1777 /srv/marks; echo 'as it was' >/srv/kept/x; chmod 777 /srv/kept; chmod 666 /srv/kept/x
  printf '#!/bin/sh\\ntouch /srv/marks/by-a-program\\n' | tee /srv/runs/mark >/srv/runs/touch; chmod 755 /srv/runs/*
  echo 'touch /srv/marks/by-a-start-file' >/srv/runs/env; echo 'link set lo down' >/srv/runs/batch; echo 'kernel.printk=7' >/srv/runs/sysctl
  echo 'f /srv/marks/by-a-rule' >/srv/runs/tmpfiles; tar -C /etc -cf /srv/runs/one.tar hostname`

/** As the account of the daemon: says words to sockets, four at a time, and prints what each answered. */
const SAY_MANY = `
const net = require('node:net'), fs = require('node:fs')
const all = JSON.parse(fs.readFileSync('/srv/words.json', 'utf8'))
const said = all.map(() => '')
let next = 0
const one = () => {
  const at = next++
  if (at >= all.length) return
  const body = Buffer.from(JSON.stringify(all[at].words)), head = Buffer.alloc(5)
  head.writeUInt32BE(body.length); head[4] = 1
  const socket = net.connect(all[at].socket, () => socket.write(Buffer.concat([head, body])))
  socket.setTimeout(60000, () => socket.destroy())
  socket.on('data', (data) => { said[at] += data.toString('latin1') }).on('error', (error) => { said[at] += error.code }).on('close', one)
}
for (let n = 0; n < 4; n++) one()
process.on('exit', () => fs.writeSync(1, JSON.stringify(said)))
`
type Told = { socket: string; words: unknown }
/** What an attempt came to: `said` is every text of the answer, a line each. */
export type Came = { ok: boolean; status?: unknown; value: Record<string, unknown>; said: string }

/** Goes on with the next as soon as one of the four before it has ended. */
export async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item, at: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) await work(items[at] as Item, at)
  }
  await Promise.all([worker(), worker(), worker(), worker()])
}

export async function startAttacked(cleanup: ReturnType<typeof createCleanup>) {
  const often = { burst: 10_000, perSecond: 1_000 }
  const world = await startServedCentral(cleanup, { rates: { calls: often, requests: often } })
  const guest = await startGuest(cleanup)
  const address = `127.${(process.pid >> 8) & 255}.${process.pid & 255}.77`
  const { contacts, call } = await listen(address, cleanup)
  const wordsFor = (at: number): Words => ({ MARK: `/srv/marks/${at}`, CALL: call, KEPT, KEPTFILE })
  const closed = `chmod 755 /srv /srv/app; chmod 700 /root; chmod 600 ${KEPTFILE}`
  await guest.must(['umask 022; R=', TRAPS, filled(HOSTILE_FILES, wordsFor(0)), MOUNTS, closed].join('\n'))
  // From outside: a script for each would take its time.
  const put = (path: string, text: string): void => writeFileSync(join(guest.root, path), text)
  for (const [at, { text }] of [...WRAPPED, ...HIDING].entries()) put(`srv/c/${at}.txt`, `${text}\n`)
  for (const [at, text] of FORGED.entries()) put(`srv/c/forged-${at}.txt`, text)
  put('srv/say-many.cjs', SAY_MANY)
  await guest.must((await world.newToken()).command)
  await world.untilOnline(1)
  const planted = [...PLACES, ...ORDERS].map((each) => each.planted.replaceAll('ORDER', ORDER))
  await guest.must(`set -e; ${planted.join('\n')}
    rm -f /etc/resolv.conf; printf 'nameserver ${address}\\noptions timeout:1 attempts:1\\n' >/etc/resolv.conf`)
  const server_id = (await world.servers())[0]?.id ?? ''
  await world.mcp.value('refresh_reality', { server_id })
  await guest.must('sync; sleep 0.1; touch /srv/stamp')

  async function ask(tool: string, args: Readonly<Record<string, unknown>>): Promise<Came> {
    const own =
      'server_id' in args || ['get_capabilities', 'list_servers', 'get_audit_log', 'get_pending_actions'].includes(tool)
    const result = await world.mcp.client.callTool({
      name: `mttrly_${tool}`,
      arguments: own ? { ...args } : { server_id, ...args },
    })
    const value = (result.structuredContent ?? {}) as Record<string, unknown>
    return { ok: !result.isError, status: value.status, value, said: textsOf(result).join('\n') }
  }

  return {
    world,
    guest,
    server_id,
    wordsFor,
    ask,
    /** As a client; what waits for a person then is taken back. */
    async tried({ tool, args }: Pick<Attack, 'tool' | 'args'>, at: number): Promise<Came> {
      const came = await ask(tool, filled(args, wordsFor(at)))
      if (came.status === 'pending_approval')
        await world.mcp.value('cancel_action', { action_id: came.value.action_id })
      return came
    },
    /** As whoever has taken over the daemon's account: straight to the doors of the lanes. */
    async taken(words: readonly Told[]): Promise<string[]> {
      put('srv/words.json', JSON.stringify(words))
      return JSON.parse(await guest.must(asAccount('/opt/mttrly/current/node /srv/say-many.cjs')))
    },
    /** What root approved, by its outcome. */
    async approved(tool: string, args: Readonly<Record<string, unknown>>): Promise<Came> {
      const { value } = await ask(tool, args)
      await world.approve(String(value.action_id))
      return ask('get_action_result', { action_id: value.action_id, wait_s: 30, limit: 1_000_000 })
    },
    /** What was made, changed or contacted on the host since the traps were laid; nothing, if all is well. */
    async changed(): Promise<string> {
      const made = await guest.must(`ls -A /srv/marks; ip -br link show lo | grep -v UNKNOWN
        find /etc /root /home /opt /usr /srv/kept /srv/app /srv/runs /var/spool -xdev -cnewer /srv/stamp ! -type d; true`)
      return [...contacts, made].join(' ').trim()
    },
    contacts,
    put,
    /** Forgets what was noticed. */
    async forget(): Promise<void> {
      contacts.length = 0
      await guest.must('rm -rf /srv/marks/* /srv/marks/.[!.]*; touch /srv/stamp')
    },
    async otherServer(): Promise<string> {
      const { token } = await world.booted.central.fleet.createInstallToken({
        workspaceId: world.booted.workspaceId,
        createdBy: 'test',
      })
      const { csrPem } = await createCsr()
      return (await world.booted.central.fleet.enrol({ token, csr_pem: csrPem, hostname: 'other' })).server_id
    },
  }
}
