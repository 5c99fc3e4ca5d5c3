import type { AndOr, Command, CommandNode, ParsedScript, Pipeline, Redirection, Statement, Word } from 'unbash'
import { parse } from 'unbash'
import { quoteForReason, type StaticWord } from '#proto/verbs/words.ts'
import { staticWord } from './static-word.ts'

/** Bytes. A longer line is never parsed, so the cost of a classification has a ceiling. */
export const MAX_COMMAND_BYTES = 8192

/** A line made only of simple commands with static words, joined by `|`, `&&`, `||`, `;` and newlines. */
export type PlainLine = { readonly commands: readonly PlainCommand[] }
export type PlainCommand = { readonly words: readonly StaticWord[]; readonly redirected: boolean }
export type Refusal = { readonly refused: string }

/** What a node of another kind is called in the approval text. A kind that is not listed is refused all the same. */
const KIND_NAMES: Readonly<Record<string, string>> = {
  If: 'a condition',
  For: 'a loop',
  ArithmeticFor: 'a loop',
  Select: 'a loop',
  While: 'a loop',
  Case: 'a case statement',
  Function: 'a function definition',
  Subshell: 'a subshell',
  BraceGroup: 'a command group',
  Coproc: 'a coprocess',
  TestCommand: 'a [[ test ]]',
  ArithmeticCommand: 'arithmetic',
  Redirected: 'a redirected compound command',
  HereDoc: 'a here-document',
  HereString: 'a here-string',
  Time: 'the time keyword',
  Negation: 'a negation',
}

/** operator, file descriptor written in front of it (or none), target. Bash and sh read exactly these alike. */
const HARMLESS_REDIRECTIONS = new Set([
  '> - /dev/null',
  '> 1 /dev/null',
  '> 2 /dev/null',
  '< - /dev/null',
  '< 0 /dev/null',
  '>& 2 1',
  '>& 1 2',
  '>& - 2',
])

type Walk = { readonly source: string; at: number; readonly commands: PlainCommand[]; refused?: string }

/**
 * Parses a command line and walks an allowlist of node kinds. The walk also accounts for every character between the
 * words: what the parser skipped (a comment, a stray byte, an operator it forgot to report) refuses the line.
 */
export function parsePlainLine(source: string): PlainLine | Refusal {
  if (source.length > MAX_COMMAND_BYTES) return refusal(`The command is longer than ${MAX_COMMAND_BYTES} bytes.`)
  if (!isPlainText(source)) return refusal('The command contains characters other than printable ASCII.')
  const script = tryParse(source)
  if (!script || script.errors?.length) return refusal('The command is not complete shell syntax.')
  const walk: Walk = { source, at: 0, commands: [] }
  if (script.commands.length === 0) return refusal('The command is empty.')
  script.commands.forEach((statement, index) => {
    walkStatement(walk, statement, index === 0)
  })
  if (!isSeparator(source.slice(walk.at), true)) refuse(walk, 'The command has a part that is not understood.')
  return walk.refused === undefined ? { commands: walk.commands } : refusal(walk.refused)
}

/** Undefined when the parser gives up on the text in a way of its own. */
export function tryParse(source: string): ParsedScript | undefined {
  try {
    return parse(source)
  } catch {
    return undefined
  }
}

const refusal = (refused: string): Refusal => ({ refused })

function refuse(walk: Walk, reason: string): undefined {
  walk.refused ??= reason
}

function isPlainText(source: string): boolean {
  for (let i = 0; i < source.length; i++) {
    const code = source.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09 && code !== 0x0a) || code > 0x7e) return false
  }
  return true
}

function walkStatement(walk: Walk, statement: Statement, first: boolean): undefined {
  if (statement.background) return refuse(walk, 'The command starts something in the background.')
  const gap = walk.source.slice(walk.at, statement.pos)
  if (!isSeparator(gap, first) || (first && gap.includes(';'))) return refuse(walk, NOT_UNDERSTOOD)
  walk.at = statement.pos
  const command = statement.command
  if (command.type === 'AndOr') walkAndOr(walk, command)
  else walkPipelineOrCommand(walk, command)
}

const NOT_UNDERSTOOD = 'The command has a part that is not understood.'

function walkAndOr(walk: Walk, list: AndOr): undefined {
  list.commands.forEach((command, index) => {
    const operator = index === 0 ? '' : list.operators[index - 1]
    if (operator !== undefined && stepOver(walk, command.pos, operator)) walkPipelineOrCommand(walk, command)
    else refuse(walk, NOT_UNDERSTOOD)
  })
}

function walkPipelineOrCommand(walk: Walk, node: Pipeline | CommandNode): undefined {
  if (node.type !== 'Pipeline') return walkCommand(walk, node)
  const prefix = node.prefixes[0]
  if (prefix) return refuse(walk, `The command uses ${KIND_NAMES[prefix.type] ?? prefix}.`)
  node.commands.forEach((command, index) => {
    const operator = index === 0 ? '' : node.operators[index - 1]
    if ((operator === '' || operator === '|') && stepOver(walk, command.pos, operator)) walkCommand(walk, command)
    else refuse(walk, NOT_UNDERSTOOD)
  })
}

function walkCommand(walk: Walk, node: CommandNode): undefined {
  if (node.type !== 'Command') return refuse(walk, `The command uses ${KIND_NAMES[node.type] ?? 'compound syntax'}.`)
  if (node.prefix.length > 0) return refuse(walk, 'The command sets a variable or redirects before its program.')
  if (!node.name) return refuse(walk, NOT_UNDERSTOOD)
  const words: StaticWord[] = []
  for (const part of [node.name, ...node.suffix]) {
    if (!stepOver(walk, part.pos, '')) return refuse(walk, NOT_UNDERSTOOD)
    takePart(walk, part, words)
    walk.at = part.end
  }
  walk.commands.push({ words, redirected: words.length <= node.suffix.length })
}

function takePart(walk: Walk, part: Command['suffix'][number], words: StaticWord[]): undefined {
  if (part.type === 'Word') return takeWord(walk, part, words)
  if (part.type === 'Redirect' && isHarmlessRedirection(walk.source, part)) return
  if (part.type === 'Redirect') return refuse(walk, 'The command redirects to or from a file.')
  refuse(walk, `The command uses ${KIND_NAMES[part.type] ?? 'an assignment'}.`)
}

function takeWord(walk: Walk, word: Word, words: StaticWord[]): undefined {
  const value = walk.source.slice(word.pos, word.end) === word.text ? staticWord(word) : undefined
  if (value) words.push(value)
  else refuse(walk, `The word ${quoteForReason(word.text)} is expanded by the shell before it runs.`)
}

function isHarmlessRedirection(source: string, redirection: Redirection): boolean {
  if (redirection.type !== 'Redirect' || !redirection.target) return false
  const { descriptor, operator, target } = redirection
  if (descriptor && descriptor.type !== 'FileDescriptor') return false
  const written = `${descriptor?.value ?? ''}${operator}`
  const asRead = source.slice(redirection.pos, target.pos)
  if (asRead.trimEnd() !== written || source.slice(target.pos, redirection.end) !== target.text) return false
  return HARMLESS_REDIRECTIONS.has(`${operator} ${descriptor?.value ?? '-'} ${target.text}`)
}

/** Moves to the next node; between here and there stand only blanks, the operator, and newlines after an operator. */
function stepOver(walk: Walk, pos: number, operator: string): boolean {
  const gap = withoutBlanks(walk.source.slice(walk.at, pos))
  walk.at = pos
  if (!gap.startsWith(operator)) return false
  const rest = gap.slice(operator.length)
  return operator === '' ? rest === '' : isNewlines(rest)
}

/** Blanks, at most one `;`, then newlines; nothing at all only at either end of the line. */
function isSeparator(gap: string, atEnd: boolean): boolean {
  const text = withoutBlanks(gap)
  if (text === '') return atEnd
  return isNewlines(text.startsWith(';') ? text.slice(1) : text)
}

const withoutBlanks = (text: string): string => text.replaceAll(' ', '').replaceAll('\t', '')
const isNewlines = (text: string): boolean => text.replaceAll('\n', '') === ''
