import { DIGITS, flagsOf, LETTERS, listOf, madeOf, type Programs } from '#proto/verbs/rules.ts'

const isName = madeOf(`${LETTERS}${DIGITS}_.@+:/,-`)
const isPidList = madeOf(`${DIGITS},`)

/** Columns of ps that show no environment. */
const PS_COLUMN_NAMES = `pid ppid pgid pgrp sid sess tid lwp spid user uid euser euid ruser ruid group gid egroup rgroup
  %cpu pcpu c cp %mem pmem rss rssize rsz vsz vsize sz size comm ucmd ucomm args cmd command etime etimes time cputime
  times start start_time lstart bsdstart bsdtime stat state s f flags ni nice pri priority rtprio psr class cls policy
  nlwp thcount tty tname tt wchan nwchan label cgroup cgroupns unit slice exe ipcns netns pidns userns utsns
  minflt maj_flt min_flt maj_flt majflt pss uss numa`.replaceAll(/\s+/g, ' ')
const isKnownColumn = listOf(PS_COLUMN_NAMES)

/** `pid,pcpu=CPU,args`: names with an optional heading; a heading takes the rest of the word. */
function isColumns(word: string): boolean {
  const equals = word.indexOf('=')
  const names = equals < 0 ? word : word.slice(0, equals)
  return names.split(/[ ,]+/).every((name) => isKnownColumn(name))
}

/** BSD letters that choose or lay out processes; never `e`, which prints environments. */
const isBsd = (word: string): boolean => [...word].every((char) => 'auxwfjlhcmrgTHnSvL'.includes(char))
const isBsdOrPids = (word: string): boolean => isBsd(word) || isPidList(word)
const isSortKey = (word: string): boolean => isColumns(word.replaceAll('-', '').replaceAll('+', ''))

const MATCHING = {
  '-u': isName,
  '-U': isName,
  '-g': isPidList,
  '-G': isName,
  '-P': isPidList,
  '-s': isPidList,
  '-t': isName,
  '-r': isName,
} as const

export const PROCESS_PROGRAMS: Programs = {
  ps: {
    flags: `${flagsOf('AaedfFjlLHMmTwcyVZN')} --forest --no-headers --no-heading --headers --cumulative`,
    values: {
      '-o': isColumns,
      '--format': isColumns,
      '-p': isPidList,
      '--pid': isPidList,
      '--ppid': isPidList,
      '-C': isName,
      '-u': isName,
      '--user': isName,
      '-U': isName,
      '-t': isName,
      '-g': isName,
      '-s': isPidList,
      '--sort': isSortKey,
    },
    rest: isBsdOrPids,
    check: (args) => psIsPlain(args),
  },
  pgrep: {
    flags: `${flagsOf('aclfinovwxL')} --list-full --list-name --full --count --newest --oldest --exact --ignore-case`,
    values: { ...MATCHING, '-d': 'text', '--parent': isPidList, '--uid': isName },
    rest: 'text',
  },
  pidof: { flags: '-s -x -c -q', values: { '-o': isPidList, '-S': 'text' }, rest: isName, min: 1 },
  pstree: { flags: flagsOf('aAcghlnpsStTuUVZ'), values: { '-H': isPidList }, rest: isName },
  // No `-w`: a command line that is cut where the asker likes shows the beginning of a secret whose shape is gone with its end.
  top: {
    flags: '-b -c -H -i -S -1 -E',
    values: {
      '-n': 'number',
      '-o': madeOf(`${LETTERS}%+`),
      '-p': isPidList,
      '-u': isName,
      '-U': isName,
      '-d': 'number',
      '-e': ['k', 'm', 'g'],
    },
    needsAll: ['-b', '-n'],
  },
  // Of its options with a plus some repeat for ever.
  lsof: {
    flags: `${flagsOf('nPtUalwRb')} +L +c0`,
    values: {
      '-p': isPidList,
      '-u': isName,
      '-c': isName,
      '-g': isPidList,
      '-d': isName,
      '-s': madeOf(`${LETTERS}:,`),
    },
    attached: { '-i': 'text' },
    rest: 'name',
    check: (args) => args.every((arg) => !arg.startsWith('+') || /^\+(?:L\d*|c0)$/.test(arg)),
  },
  fuser: { flags: flagsOf('auvm46'), values: { '-n': ['file', 'tcp', 'udp'] }, rest: 'name' },
}

/**
 * When procps does not like its arguments it reads them all again as BSD letters, dashed or not, and there `e` shows
 * environments; so a word that could be read in this way is refused.
 */
function psIsPlain(args: readonly string[]): boolean {
  return args.every(
    (arg) => !arg.includes('e') || arg.startsWith('--') || PLAIN_DASHED_E.has(arg) || !isBsdCluster(arg),
  )
}

const isBsdCluster = (arg: string): boolean =>
  arg.startsWith('-') || [...arg].every((char) => 'acefghjlmnrsuvwxXSTLVZH'.includes(char))
const PLAIN_DASHED_E = new Set('-e -ef -eF -efl -elf -eLf -efL -efH -efww -efwww -el -ely -eo -eLo -eT -ejH'.split(' '))
