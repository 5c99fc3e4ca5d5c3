import { flagsOf, LETTERS, listOf, type Programs, type Rule } from '#proto/verbs/rules.ts'

const COLOR_OFF = ['never', 'auto', 'none']

/** Hashes of whole files. `-c` is left out: it reads a list of other files. */
const checksum: Rule = { flags: '-b -t -z --binary --text --tag --zero', rest: 'read' }

const FIND_TESTS = `-name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype -size -mtime
  -mmin -ctime -cmin -atime -amin -newermt -newerct -newerat -maxdepth -mindepth -user -group -uid -gid -perm -links
  -inum -fstype -printf -used`.split(/\s+/)

export const FILE_PROGRAMS: Programs = {
  ls: {
    flags: `${flagsOf(LETTERS.replace(/[ITw]/g, ''))} -1 --all --almost-all --author --directory --human-readable
      --inode --recursive --reverse --size --full-time --group-directories-first --no-group --numeric-uid-gid --si
      --dereference --classify --file-type`.replaceAll(/\s+/g, ' '),
    values: { '-I': 'text', '-T': 'number', '-w': 'number', '--ignore': 'text', '--hide': 'text', '--width': 'number' },
    attached: {
      '--sort': ['none', 'size', 'time', 'version', 'extension', 'width', 'name'],
      '--time': ['atime', 'access', 'ctime', 'status', 'birth', 'mtime', 'modification'],
      '--time-style': (word) => word.startsWith('+') || ['full-iso', 'long-iso', 'iso', 'locale'].includes(word),
      '--color': COLOR_OFF,
    },
    rest: 'name',
  },
  stat: {
    flags: '-L -f -t --dereference --file-system --terse',
    values: { '-c': 'text', '--format': 'text', '--printf': 'text' },
    rest: 'name',
    min: 1,
  },
  find: {
    style: 'words',
    flags: `-H -L -P -print -print0 -ls -prune -not -o -or -a -and ! ( ) , -xdev -mount -empty -true -false -daystart
      -quit -readable -writable -executable -nouser -nogroup -depth -follow -noleaf -warn -nowarn`.replaceAll(
      /\s+/g,
      ' ',
    ),
    values: {
      ...Object.fromEntries(FIND_TESTS.map((test) => [test, 'text' as const])),
      '-newer': 'name',
      '-anewer': 'name',
      '-cnewer': 'name',
      '-samefile': 'name',
    },
    rest: 'name',
  },
  tree: {
    flags: `${flagsOf('adflpstugshDFAqNQrvxUciJX')} --noreport --dirsfirst --du --si --inodes --device --prune`,
    values: { '-L': 'number', '-I': 'text', '-P': 'text' },
    attached: { '--filelimit': 'number', '--charset': 'text', '--sort': 'text' },
    rest: 'name',
  },
  du: {
    flags: `${flagsOf('abcDhHklLmPsSx0')} --all --apparent-size --bytes --total --human-readable --si --summarize
      --one-file-system --separate-dirs --inodes --time --dereference --no-dereference --null`.replaceAll(/\s+/g, ' '),
    values: {
      '-d': 'number',
      '--max-depth': 'number',
      '-B': 'text',
      '--block-size': 'text',
      '--exclude': 'text',
      '-t': 'text',
      '--threshold': 'text',
    },
    rest: 'name',
  },
  df: {
    flags: `${flagsOf('ahHiklmPTv')} --all --human-readable --si --inodes --local --portability --print-type --total
      --output`.replaceAll(/\s+/g, ' '),
    values: {
      '-t': 'text',
      '--type': 'text',
      '-x': 'text',
      '--exclude-type': 'text',
      '-B': 'text',
      '--block-size': 'text',
    },
    attached: { '--output': listOf('source fstype itotal iused iavail ipcent size used avail pcent file target') },
    rest: 'name',
  },
  file: {
    flags: '-b -i -k -L -h -0 -N -r -p --brief --mime --mime-type --mime-encoding --dereference',
    rest: 'read',
    min: 1,
  },
  readlink: {
    flags: `${flagsOf('femnqsvz')} --canonicalize --canonicalize-existing --canonicalize-missing --no-newline`,
    rest: 'name',
    min: 1,
  },
  realpath: {
    flags: '-e -m -L -P -q -s -z --canonicalize-existing --canonicalize-missing --no-symlinks --quiet',
    rest: 'name',
    min: 1,
  },
  basename: { flags: '-a -z --multiple --zero', values: { '-s': 'text', '--suffix': 'text' }, rest: 'text', min: 1 },
  dirname: { flags: '-z --zero', rest: 'text', min: 1 },
  pwd: { flags: '-L -P' },
  md5sum: checksum,
  sha1sum: checksum,
  sha224sum: checksum,
  sha256sum: checksum,
  sha384sum: checksum,
  sha512sum: checksum,
  b2sum: checksum,
  cksum: { rest: 'read' },
  getfacl: {
    flags: '-a -d -c -e -E -R -L -P -t -p -n --access --default --absolute-names --numeric',
    rest: 'name',
    min: 1,
  },
  namei: { flags: `${flagsOf('lmovxn')} --long --modes --owners --vertical --mountpoints`, rest: 'name', min: 1 },
  lsattr: { flags: flagsOf('RVadlpv'), rest: 'name' },
}
