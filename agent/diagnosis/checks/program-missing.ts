// A unit whose program, its interpreter, a library or a module of it is not there, or is nothing that this host can run.
import type { Check, Facts, LogLine } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { isTroubled, settingsOf, unitText, type Watched, watchUnits } from '../units.ts'

type What = { what: string; missing: string }
type Sign = { says: RegExp; what(match: RegExpExecArray): What }

const of =
  (what: string) =>
  (match: RegExpExecArray): What => ({ what, missing: (match[1] ?? match[2] ?? '').trim() })
const NONE = '(?:No such file or directory|not found)'

/** What systemd, the loader, shells and runtimes say; the first that fits. */
const SIGNS: readonly Sign[] = [
  { says: /(?:Unable|Failed) to locate executable '?([^\s':]+)'?: No such/, what: of('its program') },
  {
    says: /Failed to (?:execute|spawn) (?:command: |[\w-]+ process: )?['"]?([^\s'":]*)['"]?:? (?:No such file|Exec format)/,
    what: of('its program'),
  },
  { says: /Failed at step EXEC spawning ([^\s:]+): (?:No such file|Exec format)/, what: of('its program') },
  {
    says: /error while loading shared libraries: ([^\s:]+): cannot open shared object/,
    what: of('the shared library'),
  },
  { says: /version [`']([^']+)' not found \(required by/, what: of('the library version') },
  { says: /ImportError: (lib[^\s:]+\.so[^\s:]*): cannot open shared object/, what: of('the shared library') },
  { says: /Cannot find (?:module|package) '([^']+)'/, what: of('the module') },
  { says: /ModuleNotFoundError: No module named '([^']+)'/, what: of('the Python module') },
  { says: /No module named ([\w.]+)\s*$/, what: of('the Python module') },
  { says: /can't open file '([^']+)': \[Errno 2\]/, what: of('the script') },
  { says: /Could not open input file: (\S+)/, what: of('the script') },
  { says: /Unable to access jarfile (\S+)/, what: of('the program') },
  { says: /Could not find or load main class (\S+)/, what: of('the class') },
  { says: /cannot load such file -- (\S+)/, what: of('the Ruby file') },
  { says: /Can't locate (\S+) in @INC/, what: of('the Perl module') },
  { says: new RegExp(String.raw`(\/\S+): bad interpreter: ${NONE}`), what: of('the interpreter') },
  { says: new RegExp(String.raw`env: [‘'"]?([^’'":\s]+)[’'"]?: ${NONE}`), what: of('the interpreter') },
  { says: /(?:line )?\d+: (?:exec: )?([^\s:]+): (?:command )?not found$/, what: of('the command') },
  { says: /: exec: ([^\s:]+): not found$/, what: of('the command') },
  { says: /([^\s:]+): command not found$/, what: of('the command') },
  { says: new RegExp(String.raw`^(?:\S*sh): (?:\d+: )?(\/\S+): ${NONE}$`), what: of('the program') },
  {
    says: /cannot execute binary file: Exec format error|Exec format error/,
    what: () => ({ what: 'a program that this host can run', missing: '' }),
  },
]
/** 203, and nothing else that says why: another check knows of what may not be executed. */
const NOT_EXECUTED = 203
const NOT_FOUND = 127
/** Whoever cannot find a program that is there is not allowed to, or looks elsewhere. */
const DENIED = /Permission denied/

function signIn(lines: readonly LogLine[]): { line: LogLine; found: What } | undefined {
  for (const line of lines.toReversed())
    for (const { says, what } of SIGNS) {
      const match = says.exec(line.text)
      if (match) return { line, found: what(match) }
    }
  return undefined
}

/** The programs that the unit's file names, which systemd runs as they stand. */
const programsOf = (watched: Watched, facts: Facts): string[] =>
  ['ExecStartPre', 'ExecStart'].flatMap((key) =>
    settingsOf(unitText(facts, watched.unit), key).flatMap((value) => /^[@:+!-]*(\/[^\s;]+)/.exec(value)?.[1] ?? []),
  )

function interpreterOf(path: string, { host }: Facts): string | undefined {
  const [, interpreter] = /^#! ?(\/\S+)/.exec(host.text(path, 200)) ?? []
  return interpreter !== undefined && !host.exists(interpreter) ? interpreter : undefined
}

function missingOf(watched: Watched, facts: Facts): { line?: LogLine; found: What } | undefined {
  const sign = signIn(watched.lines)
  for (const path of programsOf(watched, facts)) {
    if (facts.host.hides(path)) continue
    const line = sign?.line && { line: sign.line }
    if (!facts.host.exists(path)) return { ...line, found: { what: 'its program', missing: path } }
    const interpreter = interpreterOf(path, facts)
    if (interpreter) return { ...line, found: { what: `the interpreter of ${path}`, missing: interpreter } }
  }
  if (sign) return sign
  const { exit, lines } = watched
  if ((exit !== NOT_EXECUTED && exit !== NOT_FOUND) || lines.some(({ text }) => DENIED.test(text))) return undefined
  return { found: { what: exit === NOT_EXECUTED ? 'its program' : 'a command of it', missing: '' } }
}

export const programMissing: Check = {
  name: 'programs, interpreters and libraries of units',
  topics: ['service', 'deploy', 'packages'],
  async run(facts) {
    return (await watchUnits(facts)).filter(isTroubled).flatMap((watched) => {
      if (watched.state === 'masked' || watched.state === 'stopped') return []
      const missing = missingOf(watched, facts)
      if (!missing) return []
      const { line, found } = missing
      const name = found.missing === '' ? found.what : `${found.what} ${found.missing}`
      return finding({
        cause: 'PROGRAM_MISSING',
        subject: watched.id,
        title: `${watched.id} cannot run: ${name} is not there`,
        confidence: line ? 0.96 : found.missing.startsWith('/') ? 0.93 : 0.7,
        evidence: [
          ...(line ? [quoted(line)] : []),
          ...(found.missing.startsWith('/')
            ? [seen(found.missing, facts.now, facts.host.exists(found.missing) ? 'is there' : 'does not exist')]
            : []),
          ...(line ? [] : [seen(watched.unit.health.evidence.source, facts.now, watched.unit.health.why)]),
        ],
        next: [
          next.journal(watched.id),
          ...(watched.unit.file ? [next.read(watched.unit.file, 'What it starts')] : []),
        ],
        explains: [watched.id],
      })
    })
  },
}
