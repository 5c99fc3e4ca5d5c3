// `npm run admin -- ca …`: replacing Central's certificate authority in three steps. Imported by admin.ts alone.
import { join } from 'node:path'
import { actorOf, SYSTEM } from './approvals/approvals.ts'
import type { Core } from './core.ts'
import { createId } from './domain/ids.ts'
import type { Step } from './fleet/authorities.ts'
import { attributeOld, readTrust, type ServerTrust, type TrustReport, takeStep } from './fleet/rotation.ts'

type Place = { core: Core; dataDir: string }

const roomsOf = ({ clock, keys, stores }: Core) => ({ clock, authorities: keys.authorities, store: stores.fleet })

export async function authorityStatus({ core }: Pick<Place, 'core'>, json: boolean): Promise<string> {
  await attributeOld(roomsOf(core))
  const report = await readTrust(roomsOf(core))
  return json ? JSON.stringify(report) : statusText(report)
}

/** @returns what to say, or why not */
export async function takeAuthorityStep({ core, dataDir }: Place, step: Step, lose: number) {
  await attributeOld(roomsOf(core))
  const taken = await takeStep(
    { ...roomsOf(core), keysDir: join(dataDir, 'keys'), onTaken: (lost) => writeDown(core, step, lost) },
    step,
    lose,
  )
  if ('refused' in taken) return taken
  const report = await readTrust({ ...roomsOf(core), authorities: taken.authorities })
  return { said: `${AFTER[step]}\n\n${statusText(report)}` }
}

async function writeDown({ audit, firstWorkspace }: Core, step: Step, lost: number): Promise<void> {
  await audit.append({
    event: 'policy.changed',
    workspace_id: await firstWorkspace(),
    call_id: createId('request'),
    actor: actorOf({ ...SYSTEM, clientName: 'command line' }),
    resource: 'authority',
    details: { step, lost },
  })
}

const AFTER: Readonly<Record<Step, string>> = {
  prepare: 'The next authority is made. Restart Central now: agents are told of it as they come back.',
  switch:
    'The next authority issues from the next start of Central on; certificates of the old one count until it is retired. Restart Central now: agents get new certificates as they come back. Until then nobody is enrolled and nothing renewed, and install tokens that exist are of the old one: make new ones after the restart.',
  retire: 'The old authority counts no longer. Restart Central now.',
}

const STATE_SAYS = { issuing: 'issues', next: 'prepared', old: 'believed, issues no more' } as const

const LOST_SAYS: Readonly<Record<NonNullable<ServerTrust['alreadyLost']>, string>> = {
  no_certificate: 'has no certificate',
  expired: 'its certificate has expired',
  retired: 'its certificate is of an authority that was retired',
  unbelieving: 'does not believe the authority that issues',
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10)

function statusText({ authorities, step, servers, lostBy }: TrustReport): string {
  const lost = servers.filter((server) => server.lostBy[step])
  const cutOff = servers.filter(({ alreadyLost }) => alreadyLost)
  return [
    'Authorities',
    ...authorities.map(
      ({ state, fingerprint, notAfter, believedBy, issued }) =>
        `  ${fingerprint}  ${STATE_SAYS[state]}, until ${day(notAfter)}; believed by ${believedBy} of ${servers.length} servers, issued ${issued} of their certificates`,
    ),
    `Next step: ca ${step}; it would cut off ${lostBy[step] === 0 ? 'no server' : `${lostBy[step]} of ${servers.length} servers:`}`,
    ...lost.map((server) => `  ${line(server)}`),
    ...(cutOff.length > 0 ? ['Cannot come as it is, and need a recovery command:'] : []),
    ...cutOff.map((server) => `  ${line(server)}  ${server.alreadyLost && LOST_SAYS[server.alreadyLost]}`),
  ].join('\n')
}

const line = ({ id, name, lastSeenAt }: ServerTrust): string =>
  `${id}  ${name}  ${lastSeenAt === null ? 'never seen' : `last seen ${new Date(lastSeenAt).toISOString()}`}`
