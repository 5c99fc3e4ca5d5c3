// Whether the arguments of a program are those that its rule allows. Pure; both tiers run it.
import { isNumber, type Kind, type PathUse, type Rule } from './rules.ts'
import { hasGlob, quoteForReason, type StaticWord } from './words.ts'

type Option = { readonly name: string; readonly value?: StaticWord; readonly kind?: Kind }
type Arguments = { readonly options: Option[]; readonly operands: StaticWord[]; refused?: string }
/** `args`: what the program will understand. */
type Outcome = { readonly refused?: string; readonly verb?: string; readonly args?: Arguments }
/** Why a path may not be used so, or undefined. */
export type PathRefusal = (path: StaticWord, use: PathUse) => string | undefined

const flagSets = new WeakMap<Rule, ReadonlySet<string>>()

/** Why a program's arguments are not read-only by its rule, or the verb they choose (for rules with verbs). */
export function checkArguments(
  program: string,
  rule: Rule,
  words: readonly StaticWord[],
  pathRefusal: PathRefusal,
): Outcome {
  const chosen = chooseVerb(rule, words)
  if (!chosen) return { refused: `${program} is read-only only with some of its sub-commands, and this is not one.` }
  const args = readArguments(chosen.rule, chosen.words)
  const why = args.refused ?? judge(chosen.rule, args, pathRefusal) ?? finalLook(chosen.rule, words)
  if (why !== undefined) return { refused: `${program} is not known to be read-only here: ${why}.` }
  return { args, ...(chosen.verb !== undefined && { verb: chosen.verb }) }
}

type Chosen = { readonly rule: Rule; readonly words: readonly StaticWord[]; readonly verb?: string }

/** Finds the sub-command behind the program's own options and merges its rule into the program's. */
function chooseVerb(rule: Rule, words: readonly StaticWord[]): Chosen | undefined {
  if (!rule.verbs) return { rule, words }
  const at = firstOperand(rule, words)
  const name = words[at]?.value ?? rule.bareVerb ?? ''
  const verb = Object.hasOwn(rule.verbs, name) ? rule.verbs[name] : undefined
  if (!verb) return undefined
  const merged = mergeRules(rule, verb)
  const inner = chooseVerb(merged, words.toSpliced(at, 1))
  return inner && { ...inner, verb: [name, inner.verb].filter(Boolean).join(' ') }
}

function mergeRules(outer: Rule, verb: Rule): Rule {
  const { verbs: _verbs, bareVerb: _bareVerb, ...base } = outer
  return {
    ...base,
    ...verb,
    flags: `${outer.flags ?? ''} ${verb.flags ?? ''}`,
    values: { ...outer.values, ...verb.values },
    attached: { ...outer.attached, ...verb.attached },
  }
}

function firstOperand(rule: Rule, words: readonly StaticWord[]): number {
  let at = 0
  while (at < words.length) {
    const word = words[at] as StaticWord
    if (!word.value.startsWith('-')) return at
    const step = readOption(rule, word, words[at + 1])
    if (!step) return words.length
    at += step.consumed
  }
  return at
}

function readArguments(rule: Rule, words: readonly StaticWord[]): Arguments {
  const args: Arguments = { options: [], operands: [] }
  for (let at = 0; at < words.length; ) {
    const word = words[at] as StaticWord
    if (word.value === '--' && rule.style !== 'words' && !hasGlob(word)) {
      args.operands.push(...words.slice(at + 1))
      return args
    }
    const step = readWord(rule, word, words[at + 1])
    if (!step) return { ...args, refused: `${quoteForReason(word.value)} is not in its table of options` }
    if (step === 'operand') args.operands.push(word)
    // A program that stops at the first operand reads this option's value as an operand: it must pass as one too.
    else if (step.consumed === 2 && args.operands.length > 0 && rule.style !== 'words')
      args.options.push(...step.options, { name: '', value: words[at + 1] as StaticWord, kind: 'read' })
    else args.options.push(...step.options)
    at += step === 'operand' ? 1 : step.consumed
  }
  return args
}

type Step = { readonly options: readonly Option[]; readonly consumed: 1 | 2 }

function readWord(rule: Rule, word: StaticWord, next: StaticWord | undefined): Step | 'operand' | undefined {
  const { value } = word
  if (flagsIn(rule).has(value)) return { options: [{ name: value }], consumed: 1 }
  if (value === '-' || !value.startsWith('-')) return 'operand'
  return readOption(rule, word, next)
}

function readOption(rule: Rule, word: StaticWord, next: StaticWord | undefined): Step | undefined {
  if (hasGlob(word)) return undefined
  if (flagsIn(rule).has(word.value)) return { options: [{ name: word.value }], consumed: 1 }
  if (rule.count && isNumber(word.value.slice(1))) return { options: [{ name: '-#' }], consumed: 1 }
  if (rule.style === 'words') return separateValue(rule, word.value, next, [])
  return word.value.startsWith('--') ? readLong(rule, word, next) : readCluster(rule, word, next)
}

function readLong(rule: Rule, word: StaticWord, next: StaticWord | undefined): Step | undefined {
  const equals = word.value.indexOf('=')
  if (equals < 0) return separateValue(rule, word.value, next, [])
  return attachedValue(rule, word.value.slice(0, equals), from(word, equals + 1), [])
}

function readCluster(rule: Rule, word: StaticWord, next: StaticWord | undefined): Step | undefined {
  const options: Option[] = []
  for (let i = 1; i < word.value.length; i++) {
    const name = `-${word.value[i]}`
    if (flagsIn(rule).has(name)) options.push({ name })
    else if (i + 1 < word.value.length) return attachedValue(rule, name, from(word, i + 1), options)
    else if (rule.attached && Object.hasOwn(rule.attached, name)) return optionStep(options, name)
    else return separateValue(rule, name, next, options)
  }
  return { options, consumed: 1 }
}

const optionStep = (before: readonly Option[], name: string): Step => ({
  options: [...before, { name }],
  consumed: 1,
})

function attachedValue(rule: Rule, name: string, value: StaticWord, before: readonly Option[]): Step | undefined {
  const kind = own(rule.values, name) ?? own(rule.attached, name)
  if (kind === undefined) return undefined
  return { options: [...before, { name, value, kind }], consumed: 1 }
}

function separateValue(
  rule: Rule,
  name: string,
  next: StaticWord | undefined,
  before: readonly Option[],
): Step | undefined {
  const kind = own(rule.values, name)
  if (kind === undefined || next === undefined) return undefined
  return { options: [...before, { name, value: next, kind }], consumed: 2 }
}

const own = (table: Readonly<Record<string, Kind>> | undefined, name: string): Kind | undefined =>
  table && Object.hasOwn(table, name) ? table[name] : undefined

const from = (word: StaticWord, at: number): StaticWord => ({ value: word.value.slice(at), glob: word.glob.slice(at) })

function flagsIn(rule: Rule): ReadonlySet<string> {
  const known = flagSets.get(rule)
  if (known) return known
  const flags = new Set((rule.flags ?? '').split(' ').filter(Boolean))
  flagSets.set(rule, flags)
  return flags
}

function judge(rule: Rule, args: Arguments, pathRefusal: PathRefusal): string | undefined {
  const given = new Set(args.options.map((option) => option.name))
  const has = (names: readonly string[] | undefined): boolean => names?.some((name) => given.has(name)) ?? false
  if (rule.needs && !has(rule.needs)) return `it needs one of ${rule.needs.join(', ')}`
  const missing = rule.needsAll?.find((name) => !given.has(name))
  if (missing !== undefined) return `it needs ${missing}`
  for (const { name, value, kind } of args.options) {
    if (value === undefined || kind === undefined) continue
    const why = valueRefusal(value, kind, name !== '', pathRefusal)
    if (why !== undefined) return why
  }
  const tree = has(rule.treeWith)
  const leading = has(rule.noLeadingWith) ? (rule.leading ?? []).slice(1) : (rule.leading ?? [])
  const min = tree ? leading.length + 1 : (rule.min ?? 0)
  if (args.operands.length < min) return 'it needs more operands'
  const rest = tree && rule.rest === 'read' ? 'tree' : rule.rest
  return operandsRefusal(args.operands, leading, rest, pathRefusal)
}

function operandsRefusal(
  operands: readonly StaticWord[],
  leading: readonly Kind[],
  rest: Kind | undefined,
  pathRefusal: PathRefusal,
) {
  for (const [index, word] of operands.entries()) {
    const kind = leading[index] ?? rest
    if (kind === undefined) return `the operand ${quoteForReason(word.value)} is one too many`
    // A pattern may become several words, so it may stand only where any number of words would do.
    const why = valueRefusal(word, kind, index < leading.length, pathRefusal)
    if (why !== undefined) return why
  }
  return undefined
}

function valueRefusal(word: StaticWord, kind: Kind, single: boolean, pathRefusal: PathRefusal): string | undefined {
  const shown = quoteForReason(word.value)
  if (hasGlob(word) && (single || !isPathKind(kind))) return `the pattern ${shown} stands for words that are not known`
  if (kind === 'text') return undefined
  if (isPathKind(kind)) {
    const why = word.value === '-' ? undefined : pathRefusal(word, kind)
    return why && `${shown}: ${why}`
  }
  return isAllowed(word.value, kind) ? undefined : `${shown} is not a value it may have here`
}

const isPathKind = (kind: Kind): kind is PathUse => kind === 'name' || kind === 'read' || kind === 'tree'

function isAllowed(value: string, kind: Exclude<Kind, 'text' | PathUse>): boolean {
  if (typeof kind === 'function') return kind(value)
  if (kind === 'number') return isNumber(value)
  if (kind === 'plus') return isNumber(value.startsWith('+') ? value.slice(1) : value)
  return kind.includes(value)
}

function finalLook(rule: Rule, words: readonly StaticWord[]): string | undefined {
  if (!rule.check || rule.check(words.map((word) => word.value))) return undefined
  return 'these arguments together are not in its table'
}
