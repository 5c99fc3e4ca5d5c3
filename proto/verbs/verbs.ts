import { DIGITS, flagsOf, LETTERS, madeOf, type Program, type Programs, type Rule } from './rules.ts'

/* Read-only commands that need the system bus or Docker. They run as fixed verbs of another lane, never as a shell. */

const isUnit = madeOf(`${LETTERS}${DIGITS}_.@:\\*-`)
const isList = madeOf(`${LETTERS}${DIGITS}_,-`)
const isPlainTime = madeOf(`${LETTERS}${DIGITS} :+.-`)
/** `-1h`, `2026-01-01 10:00`: the option takes the word whatever it begins with. */
const isTime = (word: string): boolean => isPlainTime(word.startsWith('-') ? word.slice(1) : word)
const isLineCount = (word: string): boolean => word === 'all' || [...word].every((char) => DIGITS.includes(char))
const OUTPUTS = [
  'short',
  'short-full',
  'short-iso',
  'short-iso-precise',
  'short-precise',
  'short-unix',
  'verbose',
  'json',
  'json-pretty',
  'cat',
  'with-unit',
]

/** Fields that the journal itself vouches for, by which lines may be chosen; free text would ask about secrets. */
const MATCH_FIELDS = new Set([
  '_PID',
  '_UID',
  '_GID',
  '_COMM',
  '_SYSTEMD_UNIT',
  '_TRANSPORT',
  '_BOOT_ID',
  'PRIORITY',
  'SYSLOG_IDENTIFIER',
])
function isMatch(word: string): boolean {
  const equals = word.indexOf('=')
  return equals > 0 && MATCH_FIELDS.has(word.slice(0, equals)) && isUnit(word.slice(equals + 1))
}

const units: Rule = { rest: isUnit }
const someUnits: Rule = { rest: isUnit, min: 1 }

const isNameStart = madeOf(`${LETTERS}${DIGITS}`)
const isNameRest = madeOf(`${LETTERS}${DIGITS}_.-`)
const isImageRest = madeOf(`${LETTERS}${DIGITS}_.:/@-`)
/** These become part of a path of Docker's API: no separator, no `..`. */
const isContainer = (word: string): boolean => isNameStart(word.slice(0, 1)) && isNameRest(word)
const isImage = (word: string): boolean => isNameStart(word.slice(0, 1)) && isImageRest(word) && !word.includes('..')
const isPort = madeOf(`${DIGITS}/tcpuds`)
const isFilter = madeOf(`${LETTERS}${DIGITS}_.:/@=-`)
const FORMATS = ['json', 'table', '{{json .}}']
const filters = { '-f': isFilter, '--filter': isFilter, '--format': FORMATS }
const listing: Rule = { flags: '-a -q --all --quiet --no-trunc', values: filters }
const containers: Rule = {
  flags: `${listing.flags} -l -s --latest --size`,
  values: { ...filters, '-n': 'number', '--last': 'number' },
}
const images: Rule = { ...listing, flags: `${listing.flags} --digests`, leading: [isImage] }
const inspect: Rule = {
  flags: '-s --size',
  values: { '-f': FORMATS, '--format': FORMATS, '--type': ['container', 'image', 'volume', 'network'] },
  rest: isImage,
  min: 1,
}
const logs: Rule = {
  flags: '-t --timestamps --details',
  values: { '-n': isLineCount, '--tail': isLineCount, '--since': isTime, '--until': isTime },
  leading: [isContainer],
  min: 1,
}
const stats: Rule = {
  flags: '-a --all --no-stream --no-trunc',
  values: { '--format': FORMATS },
  needs: ['--no-stream'],
  rest: isContainer,
}
const oneContainer: Rule = { leading: [isContainer], min: 1 }
const port: Rule = { leading: [isContainer, isPort], min: 1 }
const history: Rule = { flags: '--no-trunc -q --quiet', leading: [isImage], min: 1 }
const format: Rule = { values: { '-f': FORMATS, '--format': FORMATS } }

/** Without a directory there is no project that is meant. */
const composePs: Rule = {
  flags: '-a -q --all --quiet --services',
  values: { '--format': FORMATS },
  needs: ['-p', '--project-name'],
}
const composeLs: Rule = { flags: '-a -q --all --quiet', values: { '--format': FORMATS } }
const events: Rule = {
  values: { '--since': isTime, '--until': isTime, '-f': isFilter, '--filter': isFilter, '--format': FORMATS },
  needsAll: ['--until'],
}

/** The same words and the same API answer for Docker and for Podman. */
const engine: Program = {
  lane: 'docker',
  verbs: {
    ps: containers,
    images,
    inspect,
    logs,
    events,
    stats,
    version: format,
    info: format,
    top: oneContainer,
    port,
    diff: oneContainer,
    history,
    container: {
      verbs: {
        ls: containers,
        list: containers,
        ps: containers,
        inspect,
        logs,
        stats,
        top: oneContainer,
        port,
        diff: oneContainer,
      },
    },
    image: { verbs: { ls: images, list: images, inspect, history } },
    network: { verbs: { ls: listing, list: listing, inspect } },
    volume: { verbs: { ls: listing, list: listing, inspect } },
    system: { verbs: { df: { flags: '-v --verbose', values: { '--format': FORMATS } }, info: format } },
    compose: { values: { '-p': isContainer, '--project-name': isContainer }, verbs: { ls: composeLs, ps: composePs } },
  },
}

export const VERB_PROGRAMS: Programs = {
  systemctl: {
    lane: 'inspect',
    flags: `${flagsOf('alqr')} --no-pager --all --full --failed --plain --no-legend --quiet --value --reverse --after --before --recursive --legend`,
    values: {
      '-t': isList,
      '--type': isList,
      '--state': isList,
      '-n': 'number',
      '--lines': 'number',
      '-o': OUTPUTS,
      '--output': OUTPUTS,
      '-p': isList,
      '--property': isList,
    },
    bareVerb: 'list-units',
    verbs: {
      status: units,
      show: units,
      cat: someUnits,
      'is-active': someUnits,
      'is-enabled': someUnits,
      'is-failed': units,
      'is-system-running': {},
      'list-units': units,
      'list-unit-files': units,
      'list-timers': units,
      'list-sockets': units,
      'list-jobs': units,
      'list-dependencies': units,
      'get-default': {},
    },
  },
  journalctl: {
    lane: 'inspect',
    flags: `${flagsOf('aeklmqrx')} --all --pager-end --dmesg --full --no-full --quiet --reverse --catalog --no-pager --utc --no-hostname --disk-usage --list-boots --boot`,
    values: {
      '-u': isUnit,
      '--unit': isUnit,
      '-S': isTime,
      '--since': isTime,
      '-U': isTime,
      '--until': isTime,
      '-p': isList,
      '--priority': isList,
      '-o': OUTPUTS,
      '--output': OUTPUTS,
      '-t': isUnit,
      '--identifier': isUnit,
      '-n': isLineCount,
      '--lines': isLineCount,
    },
    attached: { '-b': isSignedBoot, '--boot': isSignedBoot },
    count: true, // -b -1
    rest: isMatch,
  },
  docker: engine,
  podman: engine,
}

/** `journalctl -b -1`: a boot by offset or by id. */
function isSignedBoot(word: string): boolean {
  return isUnit(word.startsWith('-') ? word.slice(1) : word)
}
