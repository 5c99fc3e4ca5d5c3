// The package manager: packages that are half installed, an interrupted run, a lock that somebody holds too long, sources that
// cannot be read.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Check, Facts } from '../check.ts'
import { parseStamp } from '../logs.ts'
import { finding, next, quoted, seen } from '../say.ts'

const MANAGERS =
  /^(?:apt|apt-get|aptd|aptitude|dpkg|unattended-upgr|unattended-upgrade|packagekitd|dnf|dnf-automatic|yum|rpm|zypper|apk|synaptic|apt\.systemd\.dai|update-manager|python3)$/
/** Who works for it unasked. */
const BY = /^(?:apt-daily|unattended-upgrade|apt|packagekit|dnf-)/
const COMPLAINT =
  /EXPKEYSIG|NO_PUBKEY|KEYEXPIRED|is not signed|Release file for .* (?:is not valid yet|is expired)|dpkg was interrupted|Unmet dependencies|unmet dependencies|held broken packages|dpkg returned an error|Hash Sum mismatch|sub-process \S*dpkg/i
const LOGS = ['/var/log/unattended-upgrades/unattended-upgrades.log', '/var/log/apt/term.log']
const DAY = 24 * 60 * 60_000
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
  // D is how dpkg waits for a disk: one that waits for ever has run for long.
  const still = holder !== undefined && /[TtZ]/.test(holder.state)
  const stuck = held > LONG || foreign || still
  const who = holder ? `${holder.name} (process ${holder.pid})` : `process ${packages.lockedBy}`
  const why = still
    ? `, which is stopped or dead (state ${holder.state})`
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

/** A key that a source is signed with must be there (man 5 sources.list). */
function keys({ host, now, reality }: Facts): Finding[] {
  if (reality.packages.manager !== 'dpkg') return []
  const lists = [
    '/etc/apt/sources.list',
    ...host.glob('/etc/apt/sources.list.d/*.list'),
    ...host.glob('/etc/apt/sources.list.d/*.sources'),
  ]
  return lists.flatMap((path) => {
    const text = host.text(path, SOURCE_MAX).replace(/^[ \t]*#.*$/gm, '')
    const named = [...text.matchAll(/signed-by\s*[=:]\s*(\/[^\s,\]]+)/gi)].map(([, key = '']) => key)
    const missing = named.find((key) => !host.exists(key) && !host.hides(key))
    if (missing === undefined) return []
    return finding({
      cause: 'PACKAGE_MANAGER_STUCK',
      subject: path,
      title: `${path} names the key ${missing}, which is not there: apt does not believe that source`,
      confidence: 0.9,
      evidence: [seen(path, now, `signed by ${missing}`), seen(missing, now, 'does not exist')],
      next: [next.read(path, 'The source')],
    })
  })
}

/** A line without a date belongs to the one before; where none has one, to the last change of the file. */
function complaintsIn(path: string, { host, now }: Facts): Finding['evidence'] {
  const lines = host
    .tail(path, 16 * 1024)
    .split('\n')
    .slice(-60)
  const dates = lines.map((text) => parseStamp(text.replace(/ +/g, ' ').slice(0, 80)))
  let at = dates.some((date) => date !== undefined) ? 0 : (host.stat(path)?.mtimeMs ?? 0)
  return lines
    .flatMap((text, i) => {
      at = dates[i] ?? at
      return at > now - DAY && COMPLAINT.test(text) ? [seen(path, at, text)] : []
    })
    .slice(-2)
}

/** What it said itself, when a timer had it work. */
async function complaints(facts: Facts): Promise<Finding[]> {
  const logs = LOGS.flatMap((path) => complaintsIn(path, facts))
  const said = (await facts.journal('recent')).filter(
    ({ text, unit, identifier }) => (BY.test(identifier) || BY.test(unit)) && COMPLAINT.test(text),
  )
  const evidence = [...said.slice(-3).map(quoted), ...logs]
  if (evidence.length === 0) return []
  return [
    finding({
      cause: 'PACKAGE_MANAGER_STUCK',
      subject: facts.reality.packages.manager,
      title: `${facts.reality.packages.manager} could not do its work lately: ${evidence[0]?.seen}`,
      severity: 'medium',
      confidence: 0.75,
      evidence,
      next: [next.run('apt-get -s upgrade', 'Whether it can now')],
    }),
  ]
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
    const found = [
      ...(working.some(({ severity }) => severity === 'low') ? [] : [broken].flat()),
      ...working,
      ...sources(facts),
      ...keys(facts),
    ]
    return found.length > 0 ? found : complaints(facts)
  },
}
