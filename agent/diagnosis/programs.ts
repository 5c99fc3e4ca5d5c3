// The programs that a diagnosis may start, word for word: they read, and print to their standard output. A name that is put
// into one is a unit's, and nothing else fits there.

const JOURNAL = [
  'journalctl',
  '--quiet',
  '--no-pager',
  // With `--since`, `--lines` takes the oldest of them else.
  '--reverse',
  '--output=json',
  '--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,UNIT,USER_UNIT,_PID',
]
const UNIT = /^[A-Za-z0-9_@:.\\-]{1,250}\.(?:service|socket|timer|path|mount|target|slice|scope)$/

/** What a program that is asked about something can be asked about. */
const ofUnit =
  (...argv: string[]) =>
  (unit: string): readonly string[] | undefined =>
    UNIT.test(unit) && !unit.startsWith('-') ? [...argv, unit] : undefined

export const PROGRAMS = {
  recent: [...JOURNAL, '--lines=2000', '--since=-1h'],
  /** Where the lines are so long that this many are too much. */
  recent_few: [...JOURNAL, '--lines=300', '--since=-1h'],
  warnings: [...JOURNAL, '--lines=2000', '--since=-1h', '--priority=warning'],
  kernel: [...JOURNAL, '--lines=2000', '--since=-1d', '_TRANSPORT=kernel'],
  unit_journal: ofUnit(...JOURNAL, '--lines=400', '--since=-1h', '--unit'),
  /** Of what failed when the host booted, too. */
  unit_life: ofUnit(...JOURNAL, '--lines=160', '--boot', '--unit'),
  unit: ofUnit('systemctl', 'show', '--no-pager'),
  listen_queues: ['ss', '-Hltne'],
  addresses: ['ip', '-o', 'address', 'show'],
  /** They answer root alone. */
  nft_rules: ['nft', '--stateless', 'list', 'ruleset'],
  iptables_rules: ['iptables-save'],
} as const satisfies Record<string, readonly string[] | ((of: string) => readonly string[] | undefined)>
export type ProgramName = keyof typeof PROGRAMS

/** The words of a program; undefined where what it is asked about does not fit. */
export function argvOf(name: ProgramName, of = ''): readonly string[] | undefined {
  const program = PROGRAMS[name]
  return typeof program === 'function' ? program(of) : program
}
