// What runs on a server, in short, on its page: from the latest snapshot that is kept. The host is not asked for it.
import { html } from 'ghtml'
import type { HEALTH_STATES, Health, Snapshot } from '#proto/contract/reality.ts'
import { count, facts, pill, type Tone, time } from '../format.ts'
import { prose } from '../visible.ts'

const SHOWN = 6
const NAME_SHOWN = 80

export type KeptReality = { takenAt: number; snapshot: Snapshot }

const TONES: Partial<Record<(typeof HEALTH_STATES)[number], Tone>> = {
  failed: 'bad',
  degraded: 'warn',
  stopped: 'warn',
}

type Ill = { name: string; health: Health }

/** Failed first. */
function illIn({ units, supervised, sites, stores, certificates, schedules, mounts, containers }: Snapshot): Ill[] {
  const all: Ill[] = [
    ...units.map(({ id, health }) => ({ name: id, health })),
    ...[...supervised, ...schedules, ...(containers ?? [])],
    ...sites.map(({ server, names, health }) => ({ name: `${server} ${names[0] ?? ''}`, health })),
    ...stores.map(({ software, health }) => ({ name: software, health })),
    ...[...certificates, ...mounts].map(({ path, health }) => ({ name: path, health })),
  ]
  const of = (state: Health['state']): Ill[] => all.filter(({ health }) => health.state === state)
  return [...of('failed'), ...of('degraded'), ...of('stopped')]
}

const entry = ({ name, health }: Ill): string =>
  html`<li><div class="entry"><span class="row">!${pill(TONES[health.state] ?? 'idle', health.state)}<span class="title">!${prose(name, NAME_SHOWN)}</span></span><span class="muted small">!${prose(health.why, 200)}</span></div></li>`

export function realityCard(kept: KeptReality | undefined): string {
  if (!kept) return ''
  const { snapshot, takenAt } = kept
  const ill = illIn(snapshot)
  const running = snapshot.units.filter(({ kind, active }) => kind === 'service' && active === 'active').length
  const more = ill.length > SHOWN ? html`<p class="inset muted small">And ${ill.length - SHOWN} more.</p>` : ''
  return html`<section class="card stack" id="reality"><div class="row apart baseline"><h2>What runs here</h2><span class="muted small">looked at !${time(takenAt, 'age')}</span></div>
!${facts([
    ['System', prose(snapshot.host.os.name, NAME_SHOWN)],
    ['Services', `${running} running`],
    ['Ports', count(snapshot.listeners.filter(({ port }) => port !== undefined).length, 'listener')],
    ['Web sites', String(snapshot.sites.length)],
    ['Databases and the like', String(snapshot.stores.length)],
    [
      'Health',
      ill.length === 0
        ? 'Nothing failed, degraded or stopped'
        : `${count(ill.length, 'thing is', 'things are')} not well`,
    ],
  ])}
!${ill.length === 0 ? '' : html`<ul class="list">!${ill.slice(0, SHOWN).map(entry)}</ul>!${more}`}</section>`
}
