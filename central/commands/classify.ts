/**
 * Decides whether a command line may run in the `read` lane without approval. Pure; tools/ may import it.
 * A convenience, never a boundary: the lane's kernel sandbox is what stops a line that this room misjudged.
 */
import { checkArguments } from '#proto/verbs/check-arguments.ts'
import type { Program } from '#proto/verbs/rules.ts'
import { programName, type VerbLane } from '#proto/verbs/verb-of.ts'
import { hasGlob, quoteForReason, type StaticWord } from '#proto/verbs/words.ts'
import { pathRefusal } from './paths.ts'
import { type PlainCommand, parsePlainLine } from './plain-line.ts'
import { isVersionQuestion } from './programs/packages.ts'
import { PROGRAMS } from './programs.ts'
import { programsOf } from './programs-of.ts'

export type Classification =
  /** Runs as a shell line in the `read` lane. */
  | { readonly kind: 'read'; readonly programs: readonly string[] }
  /** A single read-only command that needs the bus or Docker; `verb` is the program and its sub-command. */
  | {
      readonly kind: 'verb'
      readonly lane: VerbLane
      readonly program: string
      readonly verb: string
      readonly argv: readonly string[]
    }
  /** Everything else; `reason` is one sentence for the approval text. */
  | { readonly kind: 'ask'; readonly reason: string; readonly programs: readonly string[] }

type Judgement =
  | { readonly kind: 'read' }
  | { readonly kind: 'verb'; readonly lane: VerbLane; readonly program: string; readonly verb: string }
  | { readonly kind: 'ask'; readonly reason: string }

export function classify(command: string): Classification {
  const line = parsePlainLine(command)
  if ('refused' in line) return ask(command, line.refused)
  const judgements = line.commands.map(judgeCommand)
  const [first] = judgements
  if (first?.kind === 'verb' && judgements.length === 1 && line.commands[0]?.redirected === false)
    return { ...first, argv: argvOf(line.commands[0]) }
  for (const judgement of judgements) {
    if (judgement.kind === 'ask') return ask(command, judgement.reason)
    if (judgement.kind === 'verb') return ask(command, `${judgement.verb} can run without approval only on its own.`)
  }
  return { kind: 'read', programs: unique(line.commands.map((one) => programName(argvOf(one)[0] as string))) }
}

/**
 * The argument vectors that a line is believed to run, in the order written (a pattern stands unexpanded); undefined
 * when the line is not plain. Tests hold this against what a real shell runs.
 */
export function argvsOf(command: string): readonly (readonly string[])[] | undefined {
  const line = parsePlainLine(command)
  return 'refused' in line ? undefined : line.commands.map(argvOf)
}

function judgeCommand({ words }: PlainCommand): Judgement {
  const [first, ...args] = words as [StaticWord, ...StaticWord[]]
  if (hasGlob(first)) return { kind: 'ask', reason: 'The name of the program is a pattern.' }
  const name = programName(first.value)
  if (isVersionQuestion([name, ...args.map((arg) => arg.value)])) return { kind: 'read' }
  const program = PROGRAMS.get(name)
  if (!program) return { kind: 'ask', reason: `${quoteForReason(name)} is not in the table of read-only programs.` }
  return judgeProgram(name, program, args)
}

function judgeProgram(name: string, program: Program, args: readonly StaticWord[]): Judgement {
  const outcome = checkArguments(name, program, args, pathRefusal)
  if (outcome.refused !== undefined) return { kind: 'ask', reason: outcome.refused }
  if (program.lane === undefined) return { kind: 'read' }
  return { kind: 'verb', lane: program.lane, program: name, verb: [name, outcome.verb].filter(Boolean).join(' ') }
}

function ask(command: string, reason: string): Classification {
  return { kind: 'ask', reason, programs: programsOf(command) }
}

const argvOf = (command: PlainCommand): readonly string[] => command.words.map((word) => word.value)
const unique = (names: readonly string[]): readonly string[] => [...new Set(names)]

export { programsOf }
