// The lanes of an installed guest, spoken to from here over their own sockets, as the daemon does; and grants signed by a
// key that stands in for Central's.
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Grant, signGrant } from '#proto/contract/grant.ts'
import { createLanes } from '../../agent/lanes/lanes.ts'
import { connectLane } from '../../agent/lanes/sockets.ts'
import { pinTrust } from '../../agent/lanes/trust.ts'
import type { Outcome, SignedWords } from '../../agent/lanes/words.ts'
import { collect, grantOf, outcomeOf, SERVER } from '../helpers/lane.ts'
import type { Guest } from './guest.ts'

/** The guest's `/` as its own processes see it, mounts included. */
export function rootInside(guest: Guest): string {
  const nspawn = readFileSync(join(dirname(guest.root), 'nspawn.pid'), 'utf8').trim()
  const child = readdirSync(`/proc/${nspawn}/task`)
    .flatMap((task) => readFileSync(`/proc/${nspawn}/task/${task}/children`, 'utf8').trim().split(' '))
    .find((pid) => pid !== '')
  if (child === undefined) throw new Error('the guest does not run')
  return `/proc/${child}/root`
}

export function lanesOf(guest: Guest) {
  const root = rootInside(guest)
  const open = connectLane(join(root, 'run/mttrly'))
  const key = generateKeyPairSync('ed25519')
  const start = (): never => {
    throw new Error('an installed lane is started by systemd')
  }
  const lanes = createLanes({ start, args: [], compileCache: '', connect: open })

  return {
    lanes,
    open,
    /** From now on the act lane believes this test. What it believed before is kept. */
    async pin(): Promise<void> {
      await guest.must('cp -n /var/lib/mttrly-act/trust.json /root/trust.json')
      const actionKeyPem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
      pinTrust(join(root, 'var/lib/mttrly-act'), { serverId: SERVER, actionKeyPem })
    },
    unpin: () => guest.must('cp /root/trust.json /var/lib/mttrly-act/trust.json'),
    signed(over: Partial<Grant> = {}, signer = key.privateKey): SignedWords {
      const { grant, signature } = signGrant(grantOf(over), signer)
      return { grant: grant.toString('base64'), signature: signature.toString('base64'), outputFrom: 0 }
    },
    /** A verb in the inspect lane. */
    async inspect(...argv: string[]): Promise<Outcome & { text: string }> {
      const io = collect()
      const outcome = outcomeOf(await lanes.inspect({ id: 'test', argv, timeoutMs: 20_000 }, io))
      return { ...outcome, text: io.text() }
    },
    /** A line in the read lane, which no classifier has looked at. */
    async read(line: string): Promise<Outcome & { text: string }> {
      const io = collect()
      const outcome = outcomeOf(await lanes.read({ id: 'test', line, timeoutMs: 20_000 }, io))
      return { ...outcome, text: io.text() }
    },
  }
}

/** A line as an account that somebody has taken over; by default the daemon's own. */
export const asAccount = (line: string, user = 'mttrly', group = user): string =>
  `setpriv --reuid ${user} --regid ${group} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs -- /bin/bash -c '${line}'`

const SAY = `const n=require("node:net"),[,p,w]=process.argv,b=Buffer.from(w),h=Buffer.alloc(5);h.writeUInt32BE(b.length);h[4]=1;
const s=n.connect(p,()=>s.write(Buffer.concat([h,b])));s.on("data",d=>process.stdout.write(d));s.on("error",e=>console.log(e.code));s.setTimeout(15000,()=>s.destroy())`

const encoded = (text: string): string => `$(echo ${Buffer.from(text).toString('base64')} | base64 -d)`

/** A line that says words to a lane's socket and prints the frames that come back. */
export const saying = (socket: string, words: unknown, ...account: string[]): string =>
  `export SAY="${encoded(SAY)}" WORDS="${encoded(JSON.stringify(words))}"; ${asAccount(`/opt/mttrly/current/node -e "$SAY" ${socket} "$WORDS"`, ...account)}`
