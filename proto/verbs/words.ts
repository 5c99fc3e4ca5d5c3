/** A word of a command whose value is known before it runs: `glob[i]` says that character i of `value` is an active pattern. */
export type StaticWord = { readonly value: string; readonly glob: readonly boolean[] }

export const hasGlob = (word: StaticWord): boolean => word.glob.includes(true)

/** A word that no shell will ever see. */
export const literal = (value: string): StaticWord => ({ value, glob: [] })

/** Text of the command line for a reason: escaped, in quotes, at most 60 characters. */
export function quoteForReason(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
}
