// Replacing the authority without losing an agent: who would be cut off by each step, and the step itself. One report for
// the console and the administrator's command line, so that both count alike.
import type { Clock } from '../domain/clock.ts'
import type { Standing } from '../domain/server.ts'
import type { FleetStore } from '../storage/fleet.ts'
import { type Authority, readAuthorities, STEP_FILES, type Step, stepAfter } from './authorities.ts'

/** Why an agent cannot come even now, whatever is done to the authorities. */
export type AlreadyLost = 'no_certificate' | 'expired' | 'retired' | 'unbelieving'

export type ServerTrust = Standing & {
  alreadyLost: AlreadyLost | undefined
  /** Which steps would cut it off. */
  lostBy: Readonly<Record<Step, boolean>>
  knowsNext: boolean
}

export type AuthorityTrust = Pick<Authority, 'state' | 'fingerprint' | 'notAfter'> & {
  /** Servers that believe it, and servers whose certificate is its. */
  believedBy: number
  issued: number
}

export type TrustReport = {
  authorities: AuthorityTrust[]
  /** The one that can be taken now. */
  step: Step
  servers: ServerTrust[]
  lostBy: Readonly<Record<Step, number>>
}

type Rooms = { store: FleetStore; authorities: readonly Authority[]; clock: Clock }

/** What was enrolled when there was one authority only, is told which one that was. */
export async function attributeOld({ store, authorities }: Omit<Rooms, 'clock'>): Promise<void> {
  const fingerprint = of(authorities, 'issuing')
  await store.certificates.attribute(fingerprint)
  await store.servers.attribute(fingerprint)
}

/** Of one workspace, or of all. */
export async function readTrust(rooms: Rooms, workspaceId?: string): Promise<TrustReport> {
  const standings = await rooms.store.servers.standings(workspaceId)
  return trustOf(rooms.authorities, standings, rooms.clock.now())
}

export function trustOf(authorities: readonly Authority[], standings: readonly Standing[], now: number): TrustReport {
  const servers = standings.map((standing) => serverTrust(standing, authorities, now))
  const lost = (step: Step) => servers.filter(({ lostBy }) => lostBy[step]).length
  return {
    authorities: authorities.map(({ state, fingerprint, notAfter }) => ({
      state,
      fingerprint,
      notAfter,
      believedBy: standings.filter(({ believes }) => believes.includes(fingerprint)).length,
      issued: standings.filter(({ certificate }) => certificate?.issuer === fingerprint).length,
    })),
    step: stepAfter(authorities),
    servers,
    lostBy: { prepare: lost('prepare'), switch: lost('switch'), retire: lost('retire') },
  }
}

/** Nobody is lost twice: who cannot come now needs a recovery command in any case. */
function serverTrust(standing: Standing, authorities: readonly Authority[], now: number): ServerTrust {
  const { certificate, believes } = standing
  const knowsNext = believes.includes(of(authorities, 'next'))
  const alreadyLost = lostNow(standing, authorities, now)
  const comes = alreadyLost === undefined
  return {
    ...standing,
    alreadyLost,
    knowsNext,
    lostBy: {
      prepare: false,
      switch: comes && !knowsNext,
      retire: comes && certificate?.issuer === of(authorities, 'old'),
    },
  }
}

function lostNow(
  { certificate, believes }: Standing,
  authorities: readonly Authority[],
  now: number,
): AlreadyLost | undefined {
  if (!certificate) return 'no_certificate'
  if (certificate.notAfter <= now) return 'expired'
  if (!authorities.some(({ fingerprint }) => fingerprint === certificate.issuer)) return 'retired'
  return believes.includes(of(authorities, 'issuing')) ? undefined : 'unbelieving'
}

/** The fingerprint; of one that is not there, a word that is none. */
const of = (authorities: readonly Authority[], wanted: Authority['state']): string =>
  authorities.find(({ state }) => state === wanted)?.fingerprint ?? `no ${wanted} authority`

export type StepTaken = { authorities: Authority[] } | { refused: string }

/** `lose` is the number of servers that the administrator knows will be cut off. */
export async function takeStep(
  rooms: Rooms & { keysDir: string; onTaken: (lost: number) => Promise<void> },
  step: Step,
  lose: number,
): Promise<StepTaken> {
  const report = await readTrust(rooms)
  if (report.step !== step) return { refused: `${NOT_NOW[step]} What can be done now: ca ${report.step}` }
  const lost = report.lostBy[step]
  if (lost !== lose)
    return {
      refused:
        lost === 0
          ? 'No server would be cut off: leave --lose out.'
          : `${lost} ${lost === 1 ? 'server' : 'servers'} would be cut off (ca status names them) and would each need a recovery command. Wait until they have been back, or accept it with --lose ${lost}.`,
    }
  await rooms.onTaken(lost)
  await STEP_FILES[step](rooms.keysDir, rooms.clock)
  return { authorities: readAuthorities(rooms.keysDir) }
}

const NOT_NOW: Readonly<Record<Step, string>> = {
  prepare: 'A replacement is under way already.',
  switch: 'There is no next authority to switch to, or the old one is still believed.',
  retire: 'There is no old authority to retire.',
}
