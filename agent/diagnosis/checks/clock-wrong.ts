// A clock that is wrong: files, certificates and the journal know times that have not come yet, the hardware clock says another,
// or what keeps the clock says so itself.
import type { Check, Facts } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const TOLERATED_MS = 5 * MINUTE
const SHORTLY_MS = 60 * MINUTE
/** What is written often, and what every system has. */
const TOUCHED = [
  '/var/lib/systemd/timesync/clock',
  '/var/log',
  '/var/lib/dpkg',
  '/var/lib/rpm',
  '/var/cache',
  '/etc',
  '/var/spool',
  '/var/tmp',
]
const COMPLAINT =
  /time jumped backwards|system clock wrong by|clock (?:unset|skew)|can't synchronise|clock is (?:not|un)synchroni[sz]ed|the system time is not/i
const KEEPERS = /^(?:systemd-timesyncd|chrony|chronyd|ntp|ntpd|ntpsec|openntpd)\.service$/

const iso = (at: number): string => new Date(at).toISOString()
const span = (ms: number): string => {
  const minutes = Math.round(Math.abs(ms) / MINUTE)
  return minutes < 180
    ? `${minutes} minutes`
    : minutes < 4_320
      ? `${Math.round(minutes / 60)} hours`
      : `${Math.round(minutes / 1_440)} days`
}

/** Changed after now: one alone can have been made so. */
function fromTheFuture({ host, now }: Facts): { path: string; at: number }[] {
  return TOUCHED.flatMap((path) => {
    const own = host.stat(path)
    const inside = own?.isDirectory() ? host.entries(path).map(({ path, mtime }) => ({ path, at: mtime })) : []
    return [...(own ? [{ path, at: Math.floor(own.mtimeMs) }] : []), ...inside]
  }).filter(({ at }) => at > now + TOLERATED_MS && at < now + 50 * 365 * DAY)
}

function hardwareClock({ host, now }: Facts): number | undefined {
  const seconds = Number(host.text('/sys/class/rtc/rtc0/since_epoch')) || 0
  const local = /^LOCAL$/m.test(host.text('/etc/adjtime'))
  return seconds > 0 && !local ? seconds * 1_000 - now : undefined
}

export const clockWrong: Check = {
  name: 'clock-wrong',
  topics: ['time', 'tls'],
  async run(facts) {
    const { now, reality, host } = facts
    const future = fromTheFuture(facts)
    const offset = hardwareClock(facts)
    const certificates = reality.certificates.filter(({ notBefore }) => notBefore > now + TOLERATED_MS)
    const complaints = (await facts.journal('recent')).filter(
      ({ at, text, priority }) => Math.abs(at - now) < SHORTLY_MS && priority <= 6 && COMPLAINT.test(text),
    )
    // No system is older than its own files.
    const made = Math.floor(host.stat('/usr/lib/os-release')?.mtimeMs ?? 0)
    const before = made > now + DAY
    const drift = offset !== undefined && Math.abs(offset) > TOLERATED_MS
    const signs =
      Number(future.length > 1) +
      Number(certificates.length > 0) +
      Number(drift) +
      Number(before) +
      Number(complaints.length > 0)
    const wrong =
      before || future.length > 2 || signs > 1 || complaints.some(({ text }) => /clock wrong by/i.test(text))
    if (wrong) {
      const latest = Math.max(0, ...future.map(({ at }) => at))
      return [
        finding({
          cause: 'CLOCK_WRONG',
          subject: 'clock',
          title: `The clock of this host is wrong: it says ${iso(now)}${latest > 0 ? `, and something was written ${span(latest - now)} later than that` : drift ? `, the hardware clock is ${span(offset)} ${offset > 0 ? 'ahead' : 'behind'}` : ''}`,
          severity: 'high',
          confidence: signs > 1 || before ? 0.9 : 0.75,
          evidence: [
            ...future.slice(0, 4).map(({ path, at }) => seen(path, now, `changed at ${iso(at)}`)),
            ...(before ? [seen('/usr/lib/os-release', now, `was made at ${iso(made)}`)] : []),
            ...(drift ? [seen('/sys/class/rtc/rtc0', now, `says ${iso(now + offset)}`)] : []),
            ...certificates
              .slice(0, 2)
              .map(({ path, notBefore }) => seen(path, now, `is valid from ${iso(notBefore)}`)),
            ...complaints.slice(-2).map(quoted),
          ],
          explains: certificates.map(({ path }) => path),
          next: [
            next.run('timedatectl', 'The clocks, and who keeps them'),
            next.run('timedatectl timesync-status', 'From whom it takes the time'),
          ],
        }),
      ]
    }
    const keeper = reality.units.find(({ id }) => KEEPERS.test(id))
    const kept = reality.units.some(({ id, active }) => KEEPERS.test(id) && active === 'active')
    if (kept || (!keeper && !drift)) return []
    return [
      finding({
        cause: 'CLOCK_WRONG',
        subject: keeper?.id ?? 'clock',
        title: 'Nothing keeps the clock of this host',
        severity: 'low',
        confidence: 0.6,
        evidence: [
          seen('systemctl show', now, keeper ? `${keeper.id} is ${keeper.active}` : 'no service that keeps the time'),
        ],
        next: [next.run('timedatectl', 'The clocks, and who keeps them')],
      }),
    ]
  },
}
