// The form of the tables of read-only programs. Imported by central/commands and by the table of verbs.
/** `name`: only metadata is shown; `read`: content is shown; `tree`: content of everything below is shown. */
export type PathUse = 'name' | 'read' | 'tree'

/**
 * What a word may be. `path`-like kinds go through the table of secret places; `text` is any word without a pattern;
 * a list names the allowed words; a function returns whether the word is allowed.
 */
export type Kind = PathUse | 'text' | 'number' | 'plus' | readonly string[] | ((word: string) => boolean)

/**
 * One program. Whatever a rule does not name is refused: there is no default option and no abbreviation.
 * Options are written as the user types them (`-n`, `--lines`).
 */
export type Rule = {
  /** `gnu`: clusters, attached values, `--`. `words`: every option is a whole word (find, ip). */
  readonly style?: 'gnu' | 'words'
  /** Options without a value, separated by blanks. */
  readonly flags?: string
  /** Options with a value, attached or in the next word. */
  readonly values?: Readonly<Record<string, Kind>>
  /** Options whose value is attached: `-Idate` (or a bare `-I`), `--color=never` (never bare, unless a flag too). */
  readonly attached?: Readonly<Record<string, Kind>>
  /** `-5` is understood as a count. */
  readonly count?: boolean
  /** Leading operands, each with its kind; then `rest` for all others. Without either, no operand is allowed. */
  readonly leading?: readonly Kind[]
  readonly rest?: Kind
  readonly min?: number
  /** At least one of these options must be there. */
  readonly needs?: readonly string[]
  /** All of these must be there. */
  readonly needsAll?: readonly string[]
  /** With one of these options the first operand of `leading` falls away (grep -e). */
  readonly noLeadingWith?: readonly string[]
  /** With one of these options a `read` operand covers everything below it, and one is required. */
  readonly treeWith?: readonly string[]
  /** First operands that choose a rule of their own; its options are added to the ones here. */
  readonly verbs?: Readonly<Record<string, Rule>>
  /** The verb that is meant when there is no operand. */
  readonly bareVerb?: string
  /** A last look at the whole argv; true means allowed. */
  readonly check?: (args: readonly string[]) => boolean
}

/** A program of the `read` lane, or one that runs as a fixed verb of another lane. */
export type Program = Rule & { readonly lane?: 'inspect' | 'docker' }
export type Programs = Readonly<Record<string, Program>>

export const isNumber = (word: string): boolean => word.length > 0 && [...word].every((c) => c >= '0' && c <= '9')

/** Whether every character of a word is in a set and the word is no option. */
export function madeOf(characters: string): (word: string) => boolean {
  const allowed = new Set(characters)
  return (word) => word.length > 0 && word[0] !== '-' && [...word].every((char) => allowed.has(char))
}

export const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
export const DIGITS = '0123456789'

/** A single short flags string for a rule: `flagsOf('alh')` is `-a -l -h`. */
export const flagsOf = (letters: string): string => [...letters].map((letter) => `-${letter}`).join(' ')

/** Every part of a list written with commas is one of the names. */
export function listOf(names: string): (word: string) => boolean {
  const allowed = new Set(names.split(' '))
  return (word) => word.split(',').every((part) => allowed.has(part))
}
