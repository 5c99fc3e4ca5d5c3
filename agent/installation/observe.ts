// What an update looks at to judge a version: the daemon as systemd sees it, its own word about the link, the doors of the
// lanes, and whether Central answers at all. Nothing that the daemon may write is followed, waited for or trusted further.
import { join } from 'node:path'
import { connect } from 'node:tls'
import { ask } from '../process/ask.ts'
import type { Observation } from './gate.ts'
import type { Layout } from './layout.ts'
import type { Look } from './look.ts'
import { parseShow } from './outside.ts'

const DAEMON = 'mttrly-agent.service'
const PATIENCE_MS = 5_000

/** @returns undefined when systemd does not answer */
export async function observe(look: Look, layout: Layout, version: string): Promise<Observation | undefined> {
  const doors = look.names(join(layout.versions, version, 'units')).filter((name) => name.endsWith('.socket'))
  const show = ['systemctl', 'show', '--property=Id,ActiveState,MainPID,NRestarts', '--', DAEMON, ...doors]
  const units = parseShow((await ask(show, PATIENCE_MS)) ?? '')
  const daemon = units.get(DAEMON)
  if (!daemon) return undefined
  const pid = Number(daemon.MainPID)
  const link = linkOf(look, layout, pid)
  return {
    at: performance.now(),
    active: daemon.ActiveState ?? '',
    pid,
    restarts: Number(daemon.NRestarts),
    link,
    shut: doors.filter((name) => units.get(name)?.ActiveState !== 'active'),
    central: link?.state === 'up' || (await centralAnswers(look, layout)) ? 'answers' : 'silent',
  }
}

/** A report of another process is of no use. */
function linkOf(look: Look, { linkReport }: Layout, pid: number): Observation['link'] {
  try {
    const report = JSON.parse(look.text(linkReport) ?? '')
    return report.pid === pid ? { state: String(report.state), version: String(report.version) } : undefined
  } catch {
    return undefined
  }
}

/** A TLS handshake with the CA that this host believes; it needs no certificate of ours and no version of the protocol above. */
async function centralAnswers(look: Look, { identity }: Layout): Promise<boolean> {
  try {
    const { caPem, linkAddress } = JSON.parse(look.text(identity) ?? '')
    const [, host = '', port = ''] = /^\[?([^\]]+)\]?:(\d+)$/.exec(linkAddress) ?? []
    return await handshake(host, Number(port), caPem)
  } catch {
    return false
  }
}

function handshake(host: string, port: number, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = {
      host,
      port,
      ca,
      servername: 'central.mttrly',
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['h2'],
    } as const
    const socket = connect({ ...options, checkServerIdentity: () => undefined })
    const end = (answers: boolean): void => {
      socket.destroy()
      resolve(answers)
    }
    socket.setTimeout(PATIENCE_MS, () => end(false))
    socket.on('secureConnect', () => end(true)).on('error', () => end(false))
  })
}
