// Something changed after a service was started, and the service does not know: its unit file, its configuration, its program.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Unit } from '#proto/contract/reality.ts'
import type { Check, Facts } from '../check.ts'
import { configsOf, SERVERS } from '../configs.ts'
import { finding, lastOf, next, seen } from '../say.ts'
import { isNamed, isOwn, settingsOf, unitText, type Watched, watchUnits } from '../units.ts'

/** Files are written before the service is started again, by whoever does both. */
const SLACK_MS = 2_000
const RELOADED = /^Reloaded |SIGHUP|reloading config|reconfiguring|graceful|Configuration loaded/i
const DEPLOYED = /release|deploy|\.git$/
const changedAt = ({ host }: Facts, path: string): number => host.stat(path)?.mtimeMs ?? 0

/** When the service last looked at its files: a start, a reload, or a worker that a reload began. */
function lookedAt({ unit, lines, id }: Watched, { reality }: Facts): number {
  const reload = lines.findLast(({ text }) => RELOADED.test(text))?.at ?? 0
  const group = reality.processes.find(({ owner }) => owner.kind === 'unit' && owner.name === id)
  const workers = /^(?:nginx|apache2|httpd|haproxy)\./.test(id)
    ? (group?.processes.map(({ since }) => since) ?? [])
    : []
  return Math.max(unit.since ?? 0, reload, ...workers)
}

type Stale = { title: string; source: string; text: string; severity: Finding['severity']; confidence: number }

function staleOf(watched: Watched, facts: Facts): Stale | undefined {
  const { unit, id } = watched
  const named = isNamed(facts, id)
  const looked = lookedAt(watched, facts)
  const since = unit.since ?? facts.now
  if (/file has changed since systemd read it/.test(unit.health.why))
    return {
      title: `the unit file of ${id} has changed, and systemd has not read it anew`,
      source: unit.file ?? id,
      text: unit.health.why,
      severity: named ? 'high' : 'medium',
      confidence: 0.93,
    }
  const files = [unit.file, ...unit.dropIns].filter((path) => path !== undefined)
  const edited = files.find((path) => isOwn(unit) && changedAt(facts, path) > since + SLACK_MS)
  if (edited)
    return {
      title: `the unit file of ${id} has changed since it was started`,
      source: edited,
      text: changed(facts, edited, since),
      severity: named ? 'high' : 'medium',
      confidence: 0.85,
    }
  const config = configsOf(watched, facts).find((path) => changedAt(facts, path) > looked + SLACK_MS)
  if (config)
    return {
      title: `${config} has changed since ${id} last read it`,
      source: config,
      text: changed(facts, config, looked),
      severity: named || isOwn(unit) || SERVERS[id] ? 'medium' : 'low',
      confidence: 0.85,
    }
  const script = programsOf(unit, facts).find((path) => changedAt(facts, path) > since + SLACK_MS)
  if (script && isOwn(unit))
    return {
      title: `${script} has changed since ${id} was started: the old one still runs`,
      source: script,
      text: changed(facts, script, since),
      severity: named ? 'medium' : 'low',
      confidence: 0.8,
    }
  return undefined
}

const changed = (facts: Facts, path: string, since: number): string =>
  `changed ${new Date(changedAt(facts, path)).toISOString()}, read ${new Date(since).toISOString()}`

const programsOf = (unit: Unit, facts: Facts): string[] =>
  settingsOf(unitText(facts, unit), 'ExecStart').flatMap((value) =>
    value
      .split(/\s+/)
      .map((word) => word.replace(/^[@:+!-]+/, ''))
      .map((word) => (word.startsWith('/') || !unit.directory ? word : `${unit.directory}/${word}`))
      .filter(
        (path) =>
          path.startsWith('/') && !/^\/(?:usr|bin|sbin|dev|proc)\//.test(path) && facts.host.stat(path)?.isFile(),
      ),
  )

/** A web server that does not listen where its configuration says. */
const silentSites = ({ reality, now }: Facts): Finding[] =>
  reality.sites.flatMap(({ health, server, file, names }) =>
    health.state === 'degraded' && /not reloaded/.test(health.why)
      ? [
          finding({
            cause: 'CONFIG_NOT_APPLIED',
            subject:
              reality.units.find(({ id }) => id.startsWith(server === 'apache' ? 'apache2.' : `${server}.`))?.id ??
              server,
            title: `${server} does not serve what ${file} says: ${health.why}`,
            confidence: 0.85,
            impact: names.map((name) => `${name} is not served`),
            evidence: [seen(file, now, health.why)],
            next: [
              next.run(
                `systemctl reload ${server === 'apache' ? 'apache2' : server}`,
                'Reads the configuration, once somebody has approved',
              ),
              next.read(file, 'What should be served'),
            ],
            explains: names,
          }),
        ]
      : [],
  )

/** The program on disk is another: ordinary after an upgrade, until it is what the problem is about. */
const replaced = ({ reality, now, ...facts }: Facts): Finding[] =>
  reality.processes.flatMap(({ owner, processes }) => {
    const old = owner.kind === 'unit' ? processes.find((each) => each.replaced) : undefined
    if (!old || /^mttrly/.test(owner.name)) return []
    return [
      finding({
        cause: 'CONFIG_NOT_APPLIED',
        subject: owner.name,
        title: `${owner.name} still runs a program that has been replaced on disk`,
        severity: isNamed({ reality, now, ...facts }, owner.name) ? 'medium' : 'low',
        confidence: 0.9,
        evidence: [seen(`/proc/${old.pid}/exe`, now, `${old.name} is not the file that lies there now`)],
        next: [next.run(`systemctl restart ${owner.name}`, 'Starts the new program, once somebody has approved')],
      }),
    ]
  })

/** What was put in its place, a deploy for example, is another directory. */
const strayed = ({ reality, now, host }: Facts): Finding[] =>
  reality.processes.flatMap(({ owner, processes }) => {
    if (owner.kind !== 'unit' || /^mttrly/.test(owner.name)) return []
    const lost = processes.find(({ pid }) => host.link(`/proc/${pid}/cwd`).endsWith(' (deleted)'))
    if (!lost) return []
    const directory = host.link(`/proc/${lost.pid}/cwd`).replace(/ \(deleted\)$/, '')
    return finding({
      cause: 'CONFIG_NOT_APPLIED',
      subject: owner.name,
      title: `${owner.name} runs in a directory that was deleted: ${host.exists(directory) ? `the ${directory} of now is another` : `there is no ${directory} any more`}`,
      confidence: 0.92,
      evidence: [seen(`/proc/${lost.pid}/cwd`, now, `${directory} (deleted)`)],
      next: [next.run(`systemctl restart ${owner.name}`, 'Starts it where it should be, once somebody has approved')],
      explains: [owner.name],
    })
  })

/** The working tree moved on after the service that runs from it was started. */
const deployed = ({ reality, now }: Facts): Finding[] =>
  reality.deploys.flatMap(({ directory, commit, at = 0, usedBy, message = '' }) =>
    usedBy.flatMap((user) => {
      const unit = reality.units.find(({ id, active }) => id === user && active === 'active')
      if (!unit?.since || at <= unit.since + SLACK_MS || DEPLOYED.test(user)) return []
      return finding({
        cause: 'CONFIG_NOT_APPLIED',
        subject: user,
        title: `${directory} was deployed after ${user} was started: it still runs what was there before`,
        severity: 'medium',
        confidence: 0.75,
        evidence: [
          seen(`${directory}/.git`, at, `${commit.slice(0, 12)} ${message}`),
          seen(unit.health.evidence.source, now, `started ${new Date(unit.since).toISOString()}`),
        ],
        next: [next.run(`systemctl restart ${user}`, 'Starts what was deployed, once somebody has approved')],
      })
    }),
  )

export const configNotApplied: Check = {
  name: 'changes that a service has not noticed',
  topics: ['deploy', 'service', 'web'],
  async run(facts) {
    const running = (await watchUnits(facts)).filter(
      ({ state, unit }) =>
        state === 'running' && unit.kind === 'service' && unit.sub === 'running' && !/^mttrly/.test(unit.id),
    )
    const stale = running.flatMap((watched) => {
      const found = staleOf(watched, facts)
      if (!found) return []
      const { title, source, text, severity, confidence } = found
      return finding({
        cause: 'CONFIG_NOT_APPLIED',
        subject: watched.id,
        title,
        severity,
        confidence,
        evidence: [seen(source, changedAt(facts, source) || facts.now, text)],
        next: [
          next.read(source, 'What changed'),
          next.run(
            `systemctl daemon-reload && systemctl restart ${watched.id}`,
            'Applies it, once somebody has approved',
          ),
        ],
      })
    })
    return lastOf(
      [...replaced(facts), ...deployed(facts), ...stale, ...strayed(facts), ...silentSites(facts)],
      ({ subject }) => subject,
    )
  },
}
