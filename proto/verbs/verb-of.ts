// Fixed verbs: the single commands that a lane other than `read` runs as they stand, without a shell. Central recognises
// them by this table; the host looks every argv up in it again. Imported by central/commands and agent/lanes.
import { checkArguments } from './check-arguments.ts'
import type { Program } from './rules.ts'
import { VERB_PROGRAMS } from './verbs.ts'
import { literal } from './words.ts'

export type VerbLane = NonNullable<Program['lane']>
/** `options` in their order, with their values; `operands` without the verb itself. */
export type Verb = {
  program: string
  lane: VerbLane
  verb: string
  options: readonly { name: string; value: string }[]
  operands: readonly string[]
}
export type VerbAnswer = Verb | { refused: string }

/** The directories in which a program's name means the system's own program. */
const SYSTEM_DIRECTORIES = ['/bin/', '/usr/bin/', '/sbin/', '/usr/sbin/']

/** The name without a system directory; a program elsewhere keeps its path, which no table knows. */
export function programName(word: string): string {
  const directory = SYSTEM_DIRECTORIES.find((prefix) => word.startsWith(prefix))
  return directory === undefined ? word : word.slice(directory.length)
}

/** No rule of a verb has a path in it. */
const noPaths = () => undefined

/** Which verb an argv is, or why it is none. */
export function verbOf([first = '', ...args]: readonly string[]): VerbAnswer {
  const program = programName(first)
  const rule = Object.hasOwn(VERB_PROGRAMS, program) ? VERB_PROGRAMS[program] : undefined
  if (rule?.lane === undefined) return { refused: 'The program is in no table of verbs.' }
  const outcome = checkArguments(program, rule, args.map(literal), noPaths)
  if (outcome.refused !== undefined) return { refused: outcome.refused }
  return {
    program,
    lane: rule.lane,
    verb: [program, outcome.verb].filter(Boolean).join(' '),
    options: (outcome.args?.options ?? []).map(({ name, value }) => ({ name, value: value?.value ?? '' })),
    operands: (outcome.args?.operands ?? []).map(({ value }) => value),
  }
}
