import { DIGITS, flagsOf, LETTERS, listOf, madeOf, type Programs, type Rule } from '#proto/verbs/rules.ts'

const COLUMNS = madeOf(`${LETTERS}${DIGITS}_,+:%-`)
const isName = madeOf(`${LETTERS}${DIGITS}_.@+:/-`)
const isSysctlKey = madeOf(`${LETTERS}${DIGITS}_./-`)

const numbersIn = (args: readonly string[]): number =>
  args.filter((arg) => [...arg].every((c) => DIGITS.includes(c))).length
/** No interval, or an interval with a count: an interval alone never ends. */
const ends = (args: readonly string[]): boolean => numbersIn(args) !== 1
const isInterval = (word: string): boolean => Number.isInteger(Number(word)) || isName(word)

/** Reads and compares; `-v` is left out: its operand may hold a subscript, which bash evaluates. */
function isHarmlessTest(args: readonly string[]): boolean {
  const [first, second, third, ...more] = args[0] === '!' ? args.slice(1) : args
  if (more.length > 0 || first === undefined) return false
  if (third !== undefined)
    return TEST_COMPARISONS.has(second as string) && ![first, third].some((w) => w.startsWith('-'))
  return second !== undefined && TEST_CHECKS.has(first)
}
const TEST_CHECKS = new Set('-e -f -d -r -w -x -s -L -h -p -S -b -c -g -u -k -n -z'.split(' '))
const TEST_COMPARISONS = new Set('= != -eq -ne -lt -le -gt -ge'.split(' '))

const test: Rule = {
  style: 'words',
  flags: [...TEST_CHECKS, ...TEST_COMPARISONS, '!'].join(' '),
  rest: 'name',
  check: isHarmlessTest,
}

export const SYSTEM_PROGRAMS: Programs = {
  uptime: { flags: '-p -s --pretty --since' },
  uname: {
    flags: `${flagsOf('asnrvmpio')} --all --kernel-name --nodename --kernel-release --machine --operating-system`,
  },
  arch: {},
  nproc: { flags: '--all', attached: { '--ignore': 'number' } },
  hostname: {
    flags: `${flagsOf('fsdiIA')} --fqdn --long --short --domain --ip-address --all-ip-addresses --all-fqdns`,
  },
  hostid: {},
  tty: { flags: '-s' },
  date: {
    flags: '-u --utc --universal -R --rfc-email --iso-8601',
    attached: {
      '-I': ['date', 'hours', 'minutes', 'seconds', 'ns'],
      '--iso-8601': ['date', 'hours', 'minutes', 'seconds', 'ns'],
      '--rfc-3339': ['date', 'seconds', 'ns'],
    },
    leading: [(word) => word.startsWith('+')],
  },
  whoami: {},
  logname: {},
  groups: { rest: isName },
  users: {},
  id: { flags: `${flagsOf('aGgnruz')} --user --group --groups --name --real --zero`, rest: isName },
  w: { flags: `${flagsOf('hsfiou')} --no-header --short --from --ip-addr`, rest: isName },
  who: { flags: `${flagsOf('abdHlmpqrstTuw')} --all --boot --heading --count --users` },
  last: {
    flags: `${flagsOf('aFiRwx')} --fulltimes --fullnames --hostlast --system`,
    values: {
      '-n': 'number',
      '-p': 'text',
      '-s': 'text',
      '-t': 'text',
      '--limit': 'number',
      '--since': 'text',
      '--until': 'text',
    },
    count: true,
    rest: isName,
  },
  lastlog: { values: { '-u': isName, '-t': 'number', '-b': 'number' } },
  free: { flags: `${flagsOf('bkmghltwv')} --bytes --kibi --mebi --gibi --human --lohi --total --wide --si` },
  vmstat: {
    flags: '-a -d -D -f -m -n -s -t -w --active --disk --slabs --stats --timestamp --wide',
    values: { '-S': ['k', 'K', 'm', 'M'] },
    leading: ['number', 'number'],
    check: (args) => ends(args.filter((arg) => arg !== '-S')),
  },
  iostat: {
    flags: `${flagsOf('cdhkmNstxyz')} --human --pretty`,
    attached: { '-p': isName },
    rest: isInterval,
    check: ends,
  },
  mpstat: {
    flags: '-A -u -n -T',
    values: { '-P': madeOf(`${LETTERS}${DIGITS},-`), '-I': ['SUM', 'CPU', 'SCPU', 'ALL'] },
    leading: ['number', 'number'],
    check: (args) => endsWithoutValues(args, '-P'),
  },
  sar: {
    flags: `${flagsOf('ABbdFHhpqrRSuvWwyz')} -1 -2 -3 -4 -5 -6 -7 -8 -9`,
    values: {
      '-n': listOf('DEV EDEV NFS NFSD SOCK IP EIP ICMP TCP ETCP UDP SOCK6 ALL'),
      '-P': madeOf(`${LETTERS}${DIGITS},-`),
      '-s': 'text',
      '-e': 'text',
    },
    leading: ['number', 'number'],
    check: (args) => endsWithoutValues(args, '-P'),
  },
  pidstat: {
    flags: flagsOf('dHhIlRrstuUvw'),
    values: { '-p': madeOf(`${LETTERS}${DIGITS},`), '-C': 'text', '-G': 'text' },
    leading: ['number', 'number'],
    check: (args) => endsWithoutValues(args, '-p'),
  },
  lscpu: {
    flags: `${flagsOf('abcJxyBC')} --all --online --json --extended --parse`,
    attached: { '-e': COLUMNS, '-p': COLUMNS, '--extended': COLUMNS, '--parse': COLUMNS },
  },
  lsmod: {},
  lsmem: { flags: '-a -b -J -n -P -r --all --bytes --json --summary' },
  lspci: { flags: '-v -vv -vvv -k -n -nn -m -mm -t -D', values: { '-s': 'text', '-d': 'text' } },
  lsusb: { flags: '-v -t', values: { '-s': 'text', '-d': 'text' } },
  lsblk: {
    flags: `${flagsOf('abdfDiJlmnpPrsStz')} --all --bytes --fs --json --list --nodeps --noheadings --paths --topology`,
    values: { '-o': COLUMNS, '--output': COLUMNS, '-e': 'text', '-I': 'text', '-x': COLUMNS },
    rest: 'name',
  },
  findmnt: {
    flags: `${flagsOf('aAbDefJlnPrRuvyU')} --all --df --json --list --noheadings --raw --real`,
    values: {
      '-o': COLUMNS,
      '--output': COLUMNS,
      '-t': COLUMNS,
      '--types': COLUMNS,
      '-T': 'name',
      '--target': 'name',
      '-S': 'name',
      '-M': 'name',
    },
    rest: 'name',
  },
  mount: { flags: '-l --show-labels', values: { '-t': COLUMNS, '--types': COLUMNS } },
  swapon: {
    flags: '-s --show --summary --noheadings --raw --bytes',
    attached: { '--show': COLUMNS },
    needs: ['-s', '--show', '--summary'],
  },
  sysctl: {
    flags: '-a -A -n -N -e -q --all --values --names --ignore',
    values: { '-r': 'text', '--pattern': 'text' },
    rest: isSysctlKey,
  },
  dmesg: {
    flags: `${flagsOf('dehkPrtTux')} --ctime --kernel --userspace --decode --notime --nopager --raw --reltime`,
    values: {
      '-l': COLUMNS,
      '--level': COLUMNS,
      '-f': COLUMNS,
      '--facility': COLUMNS,
      '--since': 'text',
      '--until': 'text',
    },
    attached: { '--color': ['never', 'auto'], '--time-format': ['iso', 'ctime', 'reltime', 'delta', 'notime', 'raw'] },
  },
  getconf: { flags: '-a', leading: [isName] },
  locale: { flags: '-a -m' },
  // A host's name given as a key would be asked of a name server, and a name can carry a secret out.
  getent: {
    leading: [['passwd', 'group', 'hosts', 'services', 'protocols', 'networks', 'rpc', 'initgroups']],
    rest: isName,
    min: 1,
    check: (args) => args[0] !== 'hosts' || args.length === 1,
  },
  which: { flags: '-a', rest: isName, min: 1 },
  type: { flags: '-a -t -p -P -f', rest: isName, min: 1 },
  command: {
    style: 'words',
    flags: '-v -V',
    rest: isName,
    min: 1,
    check: (args) => args[0] === '-v' || args[0] === '-V',
  },
  ulimit: { flags: `${flagsOf('aHS')}` },
  test,
  '[': { ...test, check: (args) => args.at(-1) === ']' && isHarmlessTest(args.slice(0, -1)) },
}

/** Like `ends`, not counting the number that belongs to an option such as `-P 0`. */
function endsWithoutValues(args: readonly string[], option: string): boolean {
  return ends(args.filter((arg, i) => args[i - 1] !== option && arg !== option))
}
