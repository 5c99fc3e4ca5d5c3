// What package managers wrote down of their doings: dpkg.log and apt's history, dnf's and yum's logs.
import type { Change } from '#proto/contract/reality.ts'

export type Logged = Omit<Change, 'kind'>

/** Logs are in the host's own time; so is this process. */
const local = (date: string, time: string): number => Date.parse(`${date}T${time}`)

/** `2024-01-15 10:00:00 upgrade nginx:amd64 1.22.1-9 1.24.0-1` */
export function parseDpkgLog(text: string, source = '/var/log/dpkg.log'): Logged[] {
  const line = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (install|upgrade|remove|purge) ([\w.+-]+)(?::\w+)? (\S+) (\S+)$/gm
  return [...text.matchAll(line)].map(([, date = '', time = '', what, subject = '', from = '', to = '']) => ({
    subject,
    at: local(date, time),
    ...(from === '<none>' ? {} : { from }),
    ...(to === '<none>' || what === 'remove' || what === 'purge' ? {} : { to }),
    source,
  }))
}

export type Transaction = { from: number; to: number; by: string }

/** apt's history.log: who asked for what, from when to when. */
export function parseAptHistory(text: string): Transaction[] {
  return text.split('\n\n').flatMap((stanza) => {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? ''
    const stamp = (name: string): number => {
      const [, date, time] = /^(\S+)\s+(\S+)$/.exec(field(name)) ?? []
      return date && time ? local(date, time) : Number.NaN
    }
    const [from, to] = [stamp('Start-Date'), stamp('End-Date')]
    const by = [field('Commandline'), field('Requested-By')].filter(Boolean).join(', by ')
    return Number.isNaN(from) || by === '' ? [] : [{ from, to: Number.isNaN(to) ? from : to, by }]
  })
}

const NEVRA = String.raw`([\w.+-]+?)-((?:\d+:)?[^-\s]+-[^-\s]+?)(?:\.\w+)?`
/** dnf.rpm.log: `2024-01-15T10:00:00+0000 SUBDEBUG Upgrade: nginx-1:1.20.1-14.el9.x86_64`; yum.log: `Jan 15 10:00:00 Installed: x-1-1.x86_64`. */
export function parseDnfLog(text: string, source = '/var/log/dnf.rpm.log'): Logged[] {
  const line = new RegExp(
    String.raw`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([+-]\d{4}|Z) SUBDEBUG (Installed|Upgrade|Erase|Downgrade|Reinstall): ${NEVRA}$`,
    'gm',
  )
  return [...text.matchAll(line)].map(([, stamp, zone = 'Z', what, subject = '', version = '']) => ({
    subject,
    at: Date.parse(`${stamp}${zone.replace(/(\d\d)(\d\d)$/, '$1:$2')}`),
    ...(what === 'Erase' ? { from: version } : { to: version }),
    source,
  }))
}
