// A service that was started before its mount, its network or its files were there: it complained of what is there now.
import type { Unit } from '#proto/contract/reality.ts'
import { ownAddresses } from '../addresses.ts'
import type { Check, Facts, LogLine } from '../check.ts'
import { isUnder, placeOf } from '../needs.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { isTroubled, settingsOf, unitText, type Watched, watchUnits } from '../units.ts'

const ABSENT = /\bENOENT\b|No such file or directory|does not exist|not found/i
const NO_ADDRESS = /Cannot assign requested address|EADDRNOTAVAIL|\(99\b|\[Errno 99\]/i
const NO_NETWORK =
  /Network is unreachable|ENETUNREACH|Temporary failure in name resolution|EAI_AGAIN|Network is down|could not resolve host/i
const PATH = /['"`‘(\s=:](\/[^\s'"`’,;()]+)/g
const ADDRESS = /(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])/
/** After the host began, or after a mount or an address came. */
const AT_BOOT_MS = 5 * 60_000

const bare = (path: string): string => path.replace(/[.:]+$/, '')
type Mounted = { place: string; unit: Unit }

const mountsOf = ({ reality }: Facts): Mounted[] =>
  reality.units.flatMap((unit) =>
    unit.kind === 'mount' && unit.id !== '-.mount' ? [{ place: placeOf(unit.id), unit }] : [],
  )

/** The paths that a unit's file names, but for its own program. */
const pathsOf = (text: string): string[] =>
  [
    'ExecStart',
    'WorkingDirectory',
    'Environment',
    'EnvironmentFile',
    'ReadWritePaths',
    'BindPaths',
    'RootDirectory',
  ].flatMap((key) =>
    settingsOf(text, key).flatMap((value) => [...` ${value}`.matchAll(PATH)].map(([, path = '']) => bare(path))),
  )

/** Whether its file asks for the mount: RequiresMountsFor=, or the mount's unit by name. */
const awaits = (text: string, { place, unit }: Mounted): boolean =>
  text.includes(unit.id) ||
  settingsOf(text, 'RequiresMountsFor').some((value) =>
    value.split(/\s+/).some((each) => isUnder(each, place) || isUnder(place, each)),
  )

type Early = { title: string; line?: LogLine; evidence?: { source: string; text: string }; confidence: number }

function beforeMount(watched: Watched, text: string, facts: Facts): Early | undefined {
  const { id, unit, lines } = watched
  const mounts = mountsOf(facts)
  const complaint = lines.findLast(
    (line) =>
      ABSENT.test(line.text) &&
      mounts.some(({ place }) => line.text.includes(`${place}/`) || line.text.includes(place)),
  )
  const began = beganAt(watched)
  for (const mount of mounts) {
    const { place, unit: mounted } = mount
    const said = complaint?.text.includes(place) ? complaint : undefined
    const names =
      pathsOf(text).some((path) => isUnder(path, place)) ||
      (unit.directory !== undefined && isUnder(unit.directory, place))
    if (!names && !said) continue
    const since = mounted.since ?? 0
    const late = mounted.active === 'active' && began !== undefined && since > began + 500
    if (said && late)
      return {
        title: `${id} was started before ${place} was mounted`,
        line: said,
        evidence: { source: mounted.id, text: `mounted at ${new Date(since).toISOString()}` },
        confidence: 0.95,
      }
    if (late && !awaits(text, mount) && watched.state === 'running')
      return {
        title: `${id} has run since before ${place}, which it uses, was mounted`,
        evidence: {
          source: mounted.id,
          text: `mounted at ${new Date(since).toISOString()}, ${id} began at ${new Date(began).toISOString()}`,
        },
        confidence: 0.88,
      }
  }
  return undefined
}

/** When its process was started last. */
function beganAt({ unit, lines, state }: Watched): number | undefined {
  if (state === 'running') return unit.since
  return (
    lines.findLast(({ identifier, text }) => identifier === 'systemd' && /^Start(?:ing|ed) /.test(text))?.at ??
    unit.since
  )
}

/** The file is there now, and is younger than the complaint. */
function beforeFile({ id, lines }: Watched, { host, now }: Facts): Early | undefined {
  const line = lines.findLast(({ text, identifier }) => identifier !== 'systemd' && ABSENT.test(text))
  if (!line || /command not found|: not found$|shared object|Cannot find module|\bmodule\b/i.test(line.text))
    return undefined
  const paths = [...` ${line.text}`.matchAll(PATH)]
    .map(([, path = '']) => bare(path))
    .filter((path) => path.split('/').length > 2)
  const there = paths.find((path) => {
    const stats = host.stat(path)
    return (
      stats !== undefined &&
      Math.max(stats.birthtimeMs || 0, stats.isDirectory() ? stats.birthtimeMs : stats.mtimeMs) > line.at &&
      !/\/(?:site-packages|lib|node_modules|dist-packages)\//.test(path)
    )
  })
  return there === undefined
    ? undefined
    : {
        title: `${id} was started before ${there} was there`,
        line,
        evidence: {
          source: there,
          text: `is there now, since ${new Date(host.stat(there)?.mtimeMs ?? now).toISOString()}`,
        },
        confidence: 0.9,
      }
}

function beforeNetwork({ id, lines, unit }: Watched, text: string, { reality, host }: Facts): Early | undefined {
  const line = lines.findLast((each) => NO_ADDRESS.test(each.text))
  if (line) {
    const at = lines.indexOf(line)
    const said = [line, ...lines.slice(Math.max(0, at - 4), at + 5)]
      .map((each) => ADDRESS.exec(each.text)?.[1])
      .find((each) => each !== undefined)
    const address = said ?? ADDRESS.exec(text)?.[1]
    if (address !== undefined && ownAddresses(host).includes(address))
      return {
        title: `${id} was started before this host had the address ${address}`,
        line,
        evidence: { source: 'interfaces', text: `${address} is there now` },
        confidence: 0.95,
      }
    return undefined
  }
  const cut = lines.findLast((each) => NO_NETWORK.test(each.text))
  const atBoot = cut !== undefined && cut.at - reality.host.bootedAt < AT_BOOT_MS
  const waits = /network-online\.target/.test(text)
  return cut && atBoot && !waits && (unit.since ?? 0) - reality.host.bootedAt < AT_BOOT_MS
    ? { title: `${id} was started before the network was up`, line: cut, confidence: 0.75 }
    : undefined
}

export const startedTooEarly: Check = {
  name: 'services that came too early',
  topics: ['service', 'disk', 'network'],
  async run(facts) {
    return (await watchUnits(facts)).flatMap((watched) => {
      const { id, unit, state } = watched
      if (unit.kind !== 'service' || state === 'idle' || state === 'masked') return []
      const text = unitText(facts, unit)
      const early =
        beforeMount(watched, text, facts) ??
        (isTroubled(watched) && state !== 'stopped'
          ? (beforeNetwork(watched, text, facts) ?? beforeFile(watched, facts))
          : undefined)
      if (!early) return []
      return finding({
        cause: 'STARTED_TOO_EARLY',
        subject: id,
        title: early.title,
        severity: 'high',
        confidence: early.confidence,
        evidence: [
          ...(early.line ? [quoted(early.line)] : []),
          ...(early.evidence ? [seen(early.evidence.source, facts.now, early.evidence.text)] : []),
          seen(unit.health.evidence.source, facts.now, unit.health.why),
        ],
        next: [
          next.journal(id),
          ...(unit.file ? [next.read(unit.file, 'What it waits for: After=, RequiresMountsFor=')] : []),
          next.run(`systemctl restart ${id}`, 'What it missed is there now'),
        ],
        explains: [id],
      })
    })
  },
}
