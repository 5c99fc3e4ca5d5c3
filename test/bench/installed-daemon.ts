// The daemon of an agent installed in a systemd guest, as a process of this machine, so that it can be watched from here.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { type Guest, startGuest, whyNoGuest } from '../guest/guest.ts'
import { rootInside } from '../guest/lanes.ts'
import { startServedCentral } from '../guest/world.ts'

/** Here, the pid of a process that has another in the guest (proc(5), NSpid). */
function pidHere(guest: Guest, inside: string): number {
  const namespace = readlinkSync(rootInside(guest).replace(/root$/, 'ns/pid'))
  const found = readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const pids = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.split(/\s+/)
      return pids?.at(-1) === inside && readlinkSync(`/proc/${pid}/ns/pid`) === namespace
    } catch {
      return false // it has ended meanwhile
    }
  })
  if (found === undefined) throw new Error(`no process is ${inside} in the guest`)
  return Number(found)
}

/** @returns undefined where there can be no guest */
export async function startInstalledDaemon(cleanup: { after(hook?: unknown): void }): Promise<number | undefined> {
  if (whyNoGuest()) return undefined
  const world = await startServedCentral(cleanup)
  const guest = await startGuest(cleanup)
  await guest.must((await world.newToken()).command)
  await world.untilOnline(1)
  // Another process of the same program, as each of the others here has: else its unchanged pages count as private.
  await guest.must(`systemd-run --quiet /opt/mttrly/current/node -e 'setInterval(() => {}, 10_000)'`)
  return pidHere(guest, await guest.must('systemctl show -P MainPID mttrly-agent'))
}
