// A configuration that its program cannot read: what it said when it was started or reloaded, in its own words.
import type { Check, Facts, LogLine } from '../check.ts'
import { configsOf } from '../configs.ts'
import { needsOf } from '../needs.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { faultsOf } from '../syntax.ts'
import { isNamed, isTroubled, type Watched, watchUnits } from '../units.ts'

/** The file is the first group, where it is said. */
const SIGNS: readonly RegExp[] = [
  // nginx; what it cannot bind, read or resolve is for other checks.
  /\[emerg\](?!.*(?:bind\(\)|Permission denied|key values mismatch|No space left|still could not bind|host not found)).*? in (\/[^\s:]+:\d+)/,
  /\[emerg\].*?cannot load certificate(?: key)? "([^"]+)".*No such file/,
  /\[emerg\](?!.*(?:bind\(\)|Permission denied|key values mismatch|No space left|still could not bind|host not found|PEM_read|SSL_CTX)).*?((?:\/[\w.-]+)+)/,
  /host not found in (?:upstream|resolver) "[^"]*" in (\/[^\s:]+:\d+)/,
  /nginx: configuration file (\S+) test failed/,
  // Apache
  /Syntax error on line \d+ of (\/[^\s:]+)/,
  /Configuration error|Config(?:uration)? (?:file )?(?:check|test|validation) failed/i,
  // Caddy, HAProxy, Traefik
  /adapting config using \w+: (\S+?:\d+)/,
  /parsing \[(\/[^\]]+)\]/,
  /(?:Fatal errors?|Error\(s\)) found in configuration(?: file : (\S+))?/,
  // OpenSSH
  /(\/\S+)(?::| line) (?:line )?\d+:? (?:Bad configuration option|Unsupported option|keyword .* extra arguments|missing argument|Bad (?:number|yes\/no)|no argument)/i,
  /(\/\S+): terminating, \d+ bad configuration options/,
  // PostgreSQL, Redis, MySQL
  /syntax error in file "([^"]+)" line \d+/,
  /unrecognized configuration parameter "[^"]+"(?: in file "([^"]+)")?/,
  /configuration file "([^"]+)" contains errors/,
  /(?:invalid (?:value for parameter|connection type|authentication method)|could not load (\S*pg_hba\.conf))/,
  /FATAL CONFIG FILE ERROR/,
  /Bad directive or wrong number of arguments/,
  /unknown (?:variable|option) '[^']+'/,
  /Found option without preceding group in config file: (\S+)/,
  // systemd
  /Unit \S+ has a bad unit file setting|has a bad unit file setting/,
  /^(?:\S+: )?(?:Service|Socket|Timer|Mount|Unit|Path) (?:has|lacks|needs|is of|is missing|configuration).*Refusing\.?$/i,
  /^(?:\S+: )?\S.*,? [Rr]efusing\.$/,
  /Failed to load environment files/,
  // PHP-FPM, rsyslog, named, unbound, dovecot, postfix, dnsmasq, fail2ban, Prometheus, docker, nftables, netplan
  /ERROR: \[(\/[^\]:]+):\d+\] (?:unknown entry|value is NULL|unable to parse|syntax error)/,
  /failed to load configuration file '?(\/[^\s']+)/i,
  /error during parsing file (\/[^\s,]+)/,
  /(\/etc\/[^\s:]+):\d+(?::\d+(?:-\d+)?)?: (?:error: )?(?:syntax error|unknown option|unexpected|expected|missing|parse error|Error:)/i,
  /Error in configuration file (\/[^\s:]+)/,
  /bad option at line \d+ of (\S+)/,
  /Failed during configuration/,
  /(?:Error loading|error parsing|could not (?:load|parse|read)|can't (?:load|parse|read)|cannot (?:load|parse|read)|failed to (?:load|parse|read)|unable to (?:load|parse|read|configure)|invalid|malformed|broken|bad) (?:the )?(?:\S+ ){0,4}?(?:config(?:uration)?(?: file)?|settings|\S+\.(?:ya?ml|toml|json|ini|conf|cfg|env))\b[^/]*(\/[^\s:'",)]+)?/i,
  /config(?:uration)?(?: file)?(?: \S+)? (?:is (?:invalid|not valid|malformed|broken)|error|parse error|syntax error|could not be (?:parsed|read|loaded))|ConfigurationError|ConfigError|ImproperlyConfigured|InvalidConfig|BadConfig/i,
  // Formats, and what is asked of the environment
  /(?:JSONDecodeError|SyntaxError: .*JSON|YAMLException|YAMLParseError|yaml\.\w+\.\w+Error|yaml: (?:line \d+|unmarshal)|TOMLDecodeError|toml: |ParsingError: |MissingSectionHeaderError)/,
  /(?:missing|required|undefined|unset) (?:required )?(?:env(?:ironment)?(?: variables?)?|config(?:uration)?(?: value| key)?|setting)\b|env(?:ironment)? variable ["'`]?\w+["'`]? (?:is )?(?:required|missing|not set|must be set|undefined)/i,
]
/** Of a service that runs, only what no harmless line says. */
const STRICT = SIGNS.slice(0, 24)
const RELOADED = /^Reloaded /
const RECENT = 60 * 60_000

/** One that was copied back has the time of the one that it was copied from. */
const touchedAt = ({ host }: Facts, path: string): number => {
  const stats = host.stat(path)
  return stats ? Math.max(stats.mtimeMs, stats.ctimeMs) : 0
}

/** Log files tell no more than the second. */
const SECOND_MS = 1_000

type Found = { line: LogLine; file?: string }

function signIn(lines: readonly LogLine[], signs: readonly RegExp[]): Found | undefined {
  // The first sign fits best, the last line is the newest.
  for (const sign of signs)
    for (const line of lines.toReversed()) {
      const match = sign.exec(line.text)
      if (match) return { line, ...(match[1] && { file: match[1].replace(/:\d*$/, '') }) }
    }
  return undefined
}

/** A site that is written down, and not served. */
const missesSites = (id: string, { reality }: Facts): boolean =>
  reality.sites.some(({ server, health }) => id.startsWith(server) && health.state === 'degraded')

function inWatched(watched: Watched, facts: Facts) {
  const { id, lines } = watched
  const troubled = isTroubled(watched)
  const reloaded = lines.findLast(({ text, identifier }) => identifier === 'systemd' && RELOADED.test(text))?.at ?? 0
  const fresh = troubled ? lines : lines.filter(({ at }) => at > reloaded && facts.now - at < RECENT)
  const found = signIn(fresh, troubled ? SIGNS : STRICT)
  if (!found || watched.state === 'masked' || watched.state === 'stopped') return []
  const { line, file } = found
  // Nobody has tried it since it was changed.
  const files = file === undefined ? configsOf(watched, facts) : [file]
  const mended = files.some(
    (path) => touchedAt(facts, path) > line.at + (line.identifier.startsWith('/') ? SECOND_MS : 0),
  )
  const where = file === undefined ? '' : ` (${file})`
  return finding({
    cause: 'CONFIG_INVALID',
    subject: id,
    title: mended
      ? `${id} could not read its configuration${where}; that was changed since, and nobody has tried it again`
      : troubled
        ? `${id} cannot read its configuration${where}`
        : `${id} still runs with its old configuration: the one on disk could not be read${where}`,
    severity: mended ? 'low' : troubled || isNamed(facts, id) || missesSites(id, facts) ? 'high' : 'medium',
    confidence: mended ? 0.5 : 0.95,
    impact: [troubled ? `${id} does not run` : `${id} does not start again, should it end`],
    evidence: [quoted(line)],
    next: [next.journal(id), ...(file ? [next.read(file, 'The line that it complains of')] : [])],
    explains: [id],
  })
}

const REFUSED =
  /bad unit file setting|[Rr]efusing\.$|Failed to parse .*, ignoring|Unknown (?:key name|section|lvalue)|Assignment outside of section|Invalid section header/
const FATAL = /bad unit file setting|[Rr]efusing\.$/
const IN_FILE = /^(\/(?:etc|run|usr|lib)\/\S+?)(?::(\d+))?: /

/** systemd says it when it reads the file; a unit that it cannot load is not among those that it shows. */
function ofUnitFiles(lines: readonly LogLine[], facts: Facts) {
  const told = new Map<string, LogLine>()
  for (const line of lines) {
    if ((line.identifier !== 'systemd' && line.pid !== 1) || !REFUSED.test(line.text)) continue
    const id =
      line.unit.endsWith('.slice') || line.unit === ''
        ? (/([\w@.\\:-]+\.(?:service|socket|timer|mount|path))\b/.exec(line.text)?.[1] ?? '')
        : line.unit
    const before = told.get(id)
    if (id !== '' && (!before || FATAL.test(line.text) || !FATAL.test(before.text))) told.set(id, line)
  }
  return [...told].flatMap(([id, line]) => {
    const unit = facts.reality.units.find((each) => each.id === id)
    const file = IN_FILE.exec(line.text)?.[1] ?? unit?.file
    if (needsOf(facts, id).load === 'not-found') return [] // taken away since
    // Read again since, and no complaint then.
    if (file !== undefined && (facts.host.stat(file)?.mtimeMs ?? 0) > line.at + 1_000) return []
    const fatal = FATAL.test(line.text) && unit?.active !== 'active'
    if (!fatal && unit?.active === 'active' && !isNamed(facts, id)) return []
    return finding({
      cause: 'CONFIG_INVALID',
      subject: id,
      title: fatal
        ? `systemd refuses the unit file of ${id}`
        : `a setting in the unit file of ${id} is not understood, and passed over`,
      severity: fatal ? 'high' : 'medium',
      confidence: fatal ? 0.96 : 0.6,
      evidence: [quoted(line)],
      next: [
        ...(file ? [next.read(file, 'The unit file')] : []),
        next.run(`systemd-analyze verify ${file ?? id}`, 'What systemd thinks of it'),
      ],
      explains: [id],
    })
  })
}

export const configInvalid: Check = {
  name: 'configurations that cannot be read',
  topics: ['service', 'web', 'deploy'],
  async run(facts) {
    const [watched, warnings] = await Promise.all([watchUnits(facts), facts.journal('warnings')])
    const said = watched.flatMap((each) => inWatched(each, facts))
    const units = ofUnitFiles([...warnings, ...watched.flatMap(({ lines }) => lines)], facts)
    const read = faultsOf(facts.host).map(({ path, line, fault, of }) =>
      finding({
        cause: 'CONFIG_INVALID',
        subject: of ?? path,
        title: `${path} has an error in line ${line}: ${fault}`,
        severity: said.some(({ subject }) => subject === of) ? 'high' : 'medium',
        confidence: 0.85,
        evidence: [seen(`${path}:${line}`, facts.now, fault)],
        next: [next.read(path, 'The line in question')],
      }),
    )
    const subjects = new Set(said.map(({ subject }) => subject))
    return [
      ...said,
      ...units.filter(({ subject }) => !subjects.has(subject)),
      ...read.filter(({ subject }) => !subjects.has(subject)),
    ]
  },
}
