// Patterns over absolute paths: `*` and `?` within one component, `**` for any number of components, none included.
// Nothing else is special, so that whoever writes a rule can tell what it means. File rules and searches import it.

/** The components of a pattern. */
export type Glob = readonly string[]

const WILD = /[*?]/
/** Brackets and braces mean something elsewhere; here they would only be mistaken for a name. */
const FORM = /^(\/[^/\0[\]{}\\]+)+\/?$/

export function parseGlob(text: string): Glob | undefined {
  const parts = text.split('/').filter((part) => part !== '')
  const wrong = (part: string): boolean => part === '.' || part === '..' || (part.includes('**') && part !== '**')
  return FORM.test(text) && !parts.some(wrong) ? parts : undefined
}

/** Whether the pattern names one path only. */
export const isExact = (glob: Glob): boolean => !glob.some((part) => WILD.test(part))

/** @param path real and absolute */
export const matchesPath = (glob: Glob, path: string): boolean =>
  matches(glob, path === '/' ? [] : path.slice(1).split('/'), (part) => part === '**', matchesName)

export function matchesName(pattern: string, name: string): boolean {
  if (!WILD.test(pattern)) return pattern === name
  return matches(
    [...pattern],
    [...name],
    (sign) => sign === '*',
    (sign, letter) => sign === '?' || sign === letter,
  )
}

/** Goes back to the latest wildcard only, so the time is at most the product of both lengths. */
function matches(
  pattern: readonly string[],
  items: readonly string[],
  isMany: (part: string) => boolean,
  isOne: (part: string, item: string) => boolean,
): boolean {
  let at = 0
  let many = -1
  let retry = 0
  for (let i = 0; i < items.length; ) {
    const part = pattern[at]
    if (part !== undefined && isMany(part)) {
      many = at++
      retry = i
    } else if (part !== undefined && isOne(part, items[i] ?? '')) {
      at++
      i++
    } else if (many >= 0) {
      at = many + 1
      i = ++retry
    } else return false
  }
  return pattern.slice(at).every(isMany)
}
