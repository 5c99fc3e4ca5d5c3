import { DIGITS, flagsOf, LETTERS, madeOf, type Programs, type Rule } from '#proto/verbs/rules.ts'

/** Words of a filter: devices, addresses, ports, states. */
const isFilter = madeOf(`${LETTERS}${DIGITS}_.:/=<>!()%,*[]@ -`)

/** `ip` takes any prefix of a verb (`a` is `add`), so only whole verbs that show are here, or none at all. */
const object: Rule = { rest: isFilter, check: showsOnly }
const SHOWING = new Set(['show', 'list', 'ls', 'lst', 'sh', 'get'])

function showsOnly(args: readonly string[]): boolean {
  const words = args.filter((arg) => !arg.startsWith('-'))
  return words.length === 1 || SHOWING.has(words[1] as string)
}

const IP_OBJECTS = [
  'address',
  'addr',
  'a',
  'route',
  'r',
  'link',
  'l',
  'neighbour',
  'neighbor',
  'neigh',
  'n',
  'rule',
  'ru',
]

export const NETWORK_PROGRAMS: Programs = {
  ss: {
    flags: `${flagsOf('HOQnaliompesZtudwx46S')} --no-header --oneline --numeric --all --listening --options --memory
      --processes --extended --info --summary --ipv4 --ipv6 --tcp --udp --raw --unix`.replaceAll(/\s+/g, ' '),
    values: {
      '-f': ['inet', 'inet6', 'unix', 'link', 'netlink'],
      '--family': ['inet', 'inet6', 'unix', 'link', 'netlink'],
    },
    rest: isFilter,
  },
  netstat: { flags: flagsOf('aeilnoprstuwxW46g') },
  ip: {
    style: 'words',
    flags:
      '-4 -6 -s -stats -statistics -d -details -o -oneline -br -brief -j -json -p -pretty -h -human -N -Numeric -0',
    verbs: Object.fromEntries(IP_OBJECTS.map((name) => [name, object])),
  },
  arp: { flags: flagsOf('aenv'), rest: isFilter, check: (args) => args.length <= 2 },
  route: { flags: flagsOf('env') },
  ifconfig: { flags: '-a -s', leading: [isFilter] },
}
