import { DIGITS, flagsOf, LETTERS, madeOf, type Programs, type Rule } from '#proto/verbs/rules.ts'

const isPackage = madeOf(`${LETTERS}${DIGITS}_.@+:~*?-`)
const named: Rule = { rest: isPackage }
const onePackage: Rule = { rest: isPackage, min: 1 }
const INSTALLED = '--installed --upgradable --upgradeable --all-versions -a'

/** Package managers read their databases here; whatever fetches, and `-o`/`-c` (which name hooks to run), is left out. */
export const PACKAGE_PROGRAMS: Programs = {
  dpkg: {
    flags:
      '-l --list -s --status -p --print-avail --get-selections --print-architecture --version -L --listfiles -S --search',
    needs: [
      '-l',
      '--list',
      '-s',
      '--status',
      '-p',
      '--print-avail',
      '-L',
      '--listfiles',
      '-S',
      '--search',
      '--get-selections',
      '--print-architecture',
      '--version',
    ],
    rest: madeOf(`${LETTERS}${DIGITS}_.@+:~*?/-`),
  },
  'dpkg-query': {
    flags: '-l --list -s --status -L --listfiles -S --search -W --show',
    values: { '-f': 'text', '--showformat': 'text' },
    needs: ['-l', '--list', '-s', '--status', '-L', '--listfiles', '-S', '--search', '-W', '--show'],
    rest: madeOf(`${LETTERS}${DIGITS}_.@+:~*?/-`),
  },
  'apt-cache': {
    verbs: {
      policy: named,
      show: onePackage,
      search: { rest: 'text', min: 1 },
      depends: onePackage,
      rdepends: onePackage,
      madison: onePackage,
      showpkg: onePackage,
      pkgnames: named,
      stats: {},
    },
  },
  apt: {
    verbs: {
      list: { flags: INSTALLED, rest: isPackage },
      show: onePackage,
      policy: named,
      search: { rest: 'text', min: 1 },
    },
  },
  'apt-mark': { verbs: { showhold: {}, showauto: named, showmanual: named } },
  rpm: {
    flags: `${flagsOf('qailcdRf')} --query --all --info --list --requires --provides --changelog --last --version`,
    needs: ['-q', '--query'],
    rest: 'name',
    check: (args) => args[0]?.startsWith('-q') === true || args[0] === '--query',
  },
  pacman: {
    flags: flagsOf('Qieqlm'),
    needs: ['-Q'],
    rest: isPackage,
    check: (args) => args[0]?.startsWith('-Q') === true,
  },
}

const VERSION_PROGRAMS =
  `node npm python3 python php ruby perl java go rustc cargo gcc nginx apache2 httpd mysql mysqld psql
  postgres redis-server redis-cli mongod git docker bash curl wget openssl ssh systemctl kubectl helm terraform ansible
  rsync tar make vim nano tmux screen varnishd haproxy caddy uname ps ip ss awk sed`.split(/\s+/)
const VERSION_WORDS: Readonly<Record<string, readonly string[]>> = {
  nginx: ['-v', '-V', '-version'],
  php: ['-v', '--version'],
  java: ['-version', '--version'],
  go: ['version'],
  openssl: ['version'],
  helm: ['version'],
  ssh: ['-V'],
  python3: ['-V', '--version'],
  python: ['-V', '--version'],
  node: ['-v', '--version'],
  ruby: ['-v', '--version'],
  perl: ['-v', '--version'],
  apache2: ['-v'],
  httpd: ['-v'],
  haproxy: ['-v'],
  tmux: ['-V'],
  caddy: ['version'],
  varnishd: ['-V'],
}

/** Programs that are read-only in exactly one way: asked for their version, with nothing else on the line. */
export function isVersionQuestion(argv: readonly string[]): boolean {
  const [program, word, ...more] = argv
  if (program === undefined || word === undefined || more.length > 0 || !VERSION_PROGRAMS.includes(program))
    return false
  return (VERSION_WORDS[program] ?? ['--version']).includes(word)
}
