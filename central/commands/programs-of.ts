import type { Command, SyntaxNode, Word } from 'unbash'
import { forEachChild } from 'unbash'
import { MAX_COMMAND_BYTES, tryParse } from './plain-line.ts'
import { staticWord } from './static-word.ts'

/** Stands in the list for a program whose name cannot be known before the line runs. */
export const UNKNOWN_PROGRAM = '?'
const MAX_DEPTH = 8
const MAX_LEVELS = 6

/** Programs that run the command in their operands: options that take a value, and operands in front of the command. */
const WRAPPERS: Readonly<Record<string, { readonly values?: string; readonly skip?: number; readonly line?: string }>> =
  {
    sudo: { values: '-u -g -p -C -D -h -r -t -T -U -R --user --group --prompt --chdir --host --role --type --chroot' },
    doas: { values: '-u -C' },
    pkexec: { values: '--user' },
    run0: { values: '--user -u --group -g --unit --property --slice --chdir -D --setenv --background --machine' },
    env: { values: '-u --unset -C --chdir' },
    timeout: { values: '-s --signal -k --kill-after', skip: 1 },
    nice: { values: '-n --adjustment' },
    ionice: { values: '-c -n -p --class --classdata' },
    chrt: { values: '-p -T -P -D', skip: 1 },
    taskset: { skip: 1 },
    nohup: {},
    setsid: {},
    setpriv: { values: '--reuid --regid --groups --inh-caps --ambient-caps --bounding-set' },
    stdbuf: { values: '-i -o -e --input --output --error' },
    xargs: { values: '-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --max-lines --replace' },
    time: { values: '-f -o --format --output' },
    flock: { values: '-w -E --timeout', skip: 1, line: '-c' },
    unshare: { values: '--map-user --map-group -R -w -S -G' },
    nsenter: { values: '-t -S -G --target --setuid --setgid' },
    chroot: { values: '--userspec --groups', skip: 1 },
    'systemd-run': {
      values: '-u -p -M -H -E -t --unit --property --machine --host --uid --gid --slice --setenv --on-active',
    },
    'systemd-inhibit': { values: '--what --who --why --mode' },
    busybox: {},
    toybox: {},
    command: {},
    builtin: {},
    exec: { values: '-a' },
    strace: { values: '-e -o -p -s -u -E -P -O -S -a -b -I' },
    ltrace: { values: '-e -o -p -s -u -n -a' },
    watch: { values: '-n --interval' },
    caffeinate: {},
    firejail: {},
    bwrap: { values: '--ro-bind --bind --chdir --setenv' },
    su: { values: '-s -g -G -w --shell', skip: 99, line: '-c' },
    runuser: { values: '-g -G -s --shell', line: '-c' },
    script: { values: '-T -I -O -B -E -o', skip: 99, line: '-c' },
    sh: { skip: 99, line: '-c' },
    bash: { values: '-O -o --rcfile --init-file', skip: 99, line: '-c' },
    dash: { skip: 99, line: '-c' },
    ash: { skip: 99, line: '-c' },
    zsh: { skip: 99, line: '-c' },
    ksh: { skip: 99, line: '-c' },
  }

/** Programs that can start any other one by themselves, in ways that are not read here. */
const OPEN_ENDED = new Set(
  `eval . source trap alias coproc awk gawk mawk nawk sed perl python python2 python3 ruby php node deno bun lua tclsh expect
  parallel make git ssh tar vim vi ex ed emacs nano less more man find gdb crontab at batch docker podman kubectl nc socat
  openssl env xargs tcpdump rsync zip ip journalctl systemctl sh bash dash ash zsh ksh su script`.split(/\s+/),
)
const READ_ELSEWHERE = new Set([
  'find',
  'env',
  'xargs',
  'ip',
  'journalctl',
  'systemctl',
  'sh',
  'bash',
  'dash',
  'ash',
  'zsh',
  'ksh',
  'su',
  'script',
])

/**
 * The programs that a command line names, without their directories, as far as they can be known; `?` stands for each
 * that cannot. Looks into every part of the line (loops, substitutions) and through wrappers. For the workspace
 * policy's denied programs: it may list too much, so it must never serve as proof that nothing else runs.
 */
export function programsOf(command: string): readonly string[] {
  const found = new Set<string>()
  readLine(command, found, 0)
  return [...found]
}

function readLine(line: string, found: Set<string>, depth: number): undefined {
  if (depth > MAX_DEPTH || line.length > MAX_COMMAND_BYTES) {
    found.add(UNKNOWN_PROGRAM)
    return
  }
  const script = tryParse(line)
  if (script) visit(script, found, depth, 0)
  else found.add(UNKNOWN_PROGRAM)
}

/** `level` counts the scripts within scripts (substitutions), each of which the parser reads anew. */
function visit(node: SyntaxNode, found: Set<string>, depth: number, level: number): undefined {
  if (level > MAX_LEVELS) found.add(UNKNOWN_PROGRAM)
  if (level > MAX_LEVELS) return
  if (node.type === 'Script' && node.errors?.length) found.add(UNKNOWN_PROGRAM)
  if (node.type === 'Function') found.add(UNKNOWN_PROGRAM)
  if (node.type === 'Command') readCommand(node, found, depth)
  forEachChild(node, (child) => {
    visit(child, found, depth, level + (child.type === 'Script' ? 1 : 0))
  })
}

function readCommand(node: Command, found: Set<string>, depth: number): undefined {
  if (!node.name) return
  const words = [node.name, ...node.suffix].filter((part) => part.type === 'Word' || part.type === 'Assignment')
  readWords(
    words.map((part) => (part.type === 'Word' ? knownValue(part) : part.text)),
    found,
    depth,
  )
}

/** The value of a word, or undefined where the shell decides it. */
function knownValue(word: Word): string | undefined {
  const read = staticWord(word)
  return read && !read.glob.includes(true) ? read.value : undefined
}

function readWords(words: readonly (string | undefined)[], found: Set<string>, depth: number): undefined {
  const [name, ...args] = words
  if (!name || depth > MAX_DEPTH) {
    found.add(UNKNOWN_PROGRAM)
    return
  }
  const program = name.slice(name.lastIndexOf('/') + 1)
  found.add(program)
  if (program === 'find') readFind(args, found, depth)
  else if (Object.hasOwn(WRAPPERS, program)) readWrapped(program, args, found, depth)
  else if (OPEN_ENDED.has(program) && !READ_ELSEWHERE.has(program)) found.add(UNKNOWN_PROGRAM)
}

const FIND_RUNS = new Set<string | undefined>(['-exec', '-execdir', '-ok', '-okdir'])

function readFind(args: readonly (string | undefined)[], found: Set<string>, depth: number): undefined {
  args.forEach((arg, i) => {
    if (FIND_RUNS.has(arg)) readWords(args.slice(i + 1), found, depth + 1)
    if (arg === undefined) found.add(UNKNOWN_PROGRAM)
  })
}

function readWrapped(
  program: string,
  args: readonly (string | undefined)[],
  found: Set<string>,
  depth: number,
): undefined {
  const { values = '', skip = 0, line } = WRAPPERS[program] as (typeof WRAPPERS)[string]
  const takesValue = new Set(values.split(' '))
  const inner = line === undefined ? -1 : args.findIndex((arg) => isLineOption(arg, line))
  if (inner >= 0) return readInnerLine(args[inner + 1], found, depth)
  let at = 0
  while (at < args.length && isOptionOrAssignment(args[at])) {
    if (!isCertainOption(args[at] as string, takesValue)) found.add(UNKNOWN_PROGRAM)
    at += takesValue.has(args[at] as string) ? 2 : 1
  }
  const rest = args.slice(at + skip)
  if (rest.length > 0) readWords(rest, found, depth + 1)
  else if (skip > 1) found.add(UNKNOWN_PROGRAM)
}

/** `-c`, or a cluster that ends in it (`bash -lc`). */
function isLineOption(arg: string | undefined, line: string): boolean {
  return arg !== undefined && isShort(arg) && arg.endsWith(line.slice(1))
}

function readInnerLine(inner: string | undefined, found: Set<string>, depth: number): undefined {
  if (inner === undefined) found.add(UNKNOWN_PROGRAM)
  else readLine(inner, found, depth + 1)
}

function isOptionOrAssignment(arg: string | undefined): boolean {
  return arg !== undefined && (arg.startsWith('-') || arg.indexOf('=') > 0)
}

/** An option that is not in the table may or may not take the next word: then the program is in doubt. */
function isCertainOption(arg: string, takesValue: ReadonlySet<string>): boolean {
  return !arg.startsWith('-') || arg === '--' || takesValue.has(arg) || arg.includes('=')
}

const isShort = (arg: string): boolean => arg.startsWith('-') && !arg.startsWith('--')
