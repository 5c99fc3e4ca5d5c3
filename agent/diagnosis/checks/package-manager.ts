// The package manager: packages that are half installed, an interrupted run, a lock that somebody holds too long, sources that
// cannot be read.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Check, Facts } from '../check.ts'
import { finding, next, seen } from '../say.ts'

const MANAGERS =
  /^(?:apt|apt-get|aptd|aptitude|dpkg|unattended-upgr|unattended-upgrade|packagekitd|dnf|dnf-automatic|yum|rpm|zypper|apk|synaptic|apt\.systemd\.dai|update-manager|python3)$/
const LONG = 15 * 60_000
const SOURCE_MAX = 64 * 1024
const ONE_LINE = /^deb(?:-src)?\s+(?:\[[^\]]*\]\s+)?(?:[a-z+]+:(?:\/\/)?\S+|\S*\/\S*)\s+\S+/

function lockHolder(facts: Facts): Finding[] {
  const { packages, processes } = facts.reality
  if (packages.lockedBy === undefined) return []
  const group = processes.find((each) => each.processes.some(({ pid }) => pid === packages.lockedBy))
  const holder = group?.processes.find(({ pid }) => pid === packages.lockedBy)
  const held = holder ? facts.now - holder.since : 0
  const script = /\b(?:apt|dpkg|unattended|packagekit|dnf|yum)/.test(holder?.command ?? '')
  const foreign = holder !== undefined && (!MANAGERS.test(holder.name) || (holder.name.startsWith('python') && !script))
  const still = holder !== undefined && /[TtDZ]/.test(holder.state)
  const stuck = held > LONG || foreign || still
  const who = holder ? `${holder.name} (process ${holder.pid})` : `process ${packages.lockedBy}`
  const why = still
    ? `, which is stopped or stuck (state ${holder.state})`
    : foreign
      ? ', which is no package manager'
      : held > LONG
        ? `, which has run for ${Math.round(held / 60_000)} minutes`
        : ''
  return [
    finding({
      cause: 'PACKAGE_MANAGER_STUCK',
      subject: packages.manager,
      title: `${packages.manager} is locked by ${who}${why}`,
      severity: stuck ? 'high' : 'low',
      confidence: foreign || still ? 0.95 : stuck ? 0.85 : 0.5,
      impact: ['nothing can be installed or upgraded'],
      evidence: [
        seen('/proc/locks', facts.now, `held by process ${packages.lockedBy}`),
        ...(holder
          ? [
              seen(
                `/proc/${holder.pid}`,
                facts.now,
                `${holder.command}, since ${new Date(holder.since).toISOString()}, state ${holder.state}`,
              ),
            ]
          : []),
      ],
      next: [next.run(`ps -o pid,ppid,etime,stat,args ${packages.lockedBy}`, 'What it does, and for how long')],
    }),
  ]
}

/** man 5 sources.list: a line that apt cannot read stops it altogether. */
function sources({ host, now, reality }: Facts): Finding[] {
  if (reality.packages.manager !== 'dpkg') return []
  const lists = ['/etc/apt/sources.list', ...host.glob('/etc/apt/sources.list.d/*.list')]
  return lists.flatMap((path) =>
    host
      .text(path, SOURCE_MAX)
      .split('\n')
      .flatMap((raw, i) => {
        const line = raw.replace(/#.*/, '').trim()
        if (line === '' || ONE_LINE.test(line)) return []
        return finding({
          cause: 'PACKAGE_MANAGER_STUCK',
          subject: path,
          title: `${path} has a line ${i + 1} that apt cannot read, so that it does nothing`,
          confidence: 0.9,
          evidence: [seen(`${path}:${i + 1}`, now, raw)],
          next: [next.read(path, 'The malformed line')],
        })
      })
      .slice(0, 1),
  )
}

export const packageManager: Check = {
  name: 'the package manager',
  topics: ['packages'],
  run(facts) {
    const { packages } = facts.reality
    const interrupted = packages.health.state === 'failed' && packages.broken.length === 0
    const broken =
      packages.broken.length > 0 || interrupted
        ? finding({
            cause: 'PACKAGE_MANAGER_STUCK',
            subject: packages.manager,
            title: interrupted
              ? `${packages.manager} was interrupted: ${packages.health.why}`
              : `${packages.broken.length} package${packages.broken.length > 1 ? 's are' : ' is'} half installed: ${packages.broken.slice(0, 3).join(', ')}`,
            confidence: 0.95,
            impact: ['nothing can be installed or upgraded before this is mended'],
            evidence: [
              seen(packages.health.evidence.source, facts.now, packages.health.why),
              ...packages.broken.slice(0, 5).map((each) => seen('/var/lib/dpkg/status', facts.now, each)),
            ],
            next: [
              next.run('dpkg --configure -a', 'Finishes what was begun, once somebody has approved'),
              next.read('/var/log/dpkg.log', 'What was done last'),
            ],
          })
        : []
    // While one works, its packages are half installed for an instant.
    const working = lockHolder(facts)
    return working.some(({ severity }) => severity === 'low')
      ? [...working, ...sources(facts)]
      : [broken, working, sources(facts)].flat()
  },
}
