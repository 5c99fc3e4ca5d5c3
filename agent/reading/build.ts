// What is known of build tools: which names they make of which, what they add, and what their source maps say.
import { dirname, join } from 'node:path/posix'

/** One of the left becomes one of the right. */
const MADE_OF: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\.[cm]?tsx?$/, ['.js', '.mjs', '.cjs', '.jsx']],
  [/\.jsx$/, ['.js', '.mjs', '.cjs']],
  [/\.m?js$/, ['.min.js', '.js', '.cjs']],
  [/\.(?:s[ac]ss|less|styl|css)$/, ['.css', '.min.css']],
  [/\.(?:vue|svelte|coffee)$/, ['.js', '.mjs']],
  [/\.(?:pug|ejs|njk|hbs|md|html)$/, ['.html']],
]
/** In a built tree without a counterpart, and no reason to look twice. */
const ADDED =
  /(?:\.map|\.d\.[cm]?ts|\.tsbuildinfo|\.LICENSE\.txt|\.(?:gz|br|zst))$|(?:^|\/)(?:\.vite\/.*|(?:asset-|build-)?manifest\.json|BUILD_ID|package\.json)$/
/** In a source tree, and never built. */
const NOT_BUILT =
  /(?:^|\/)(?:__tests__|__mocks__|tests?|fixtures)\/|\.(?:test|spec|stories)\.[^/]+$|\.d\.[cm]?ts$|(?:^|\/)(?:README|CHANGELOG|LICENSE)[^/]*$|(?:^|\/)(?:package(?:-lock)?\.json|tsconfig[^/]*\.json|\.[^/]+|[^/]+\.config\.[^/]+|yarn\.lock|pnpm-lock\.yaml)$/
export const SOURCE_MAP = /\.(?:[cm]?js|css)\.map$/

export const isAdded = (name: string): boolean => ADDED.test(name)
export const isNotBuilt = (name: string): boolean => NOT_BUILT.test(name)

export const namesMadeOf = (name: string): string[] =>
  MADE_OF.flatMap(([from, to]) => (from.test(name) ? to.map((ending) => name.replace(from, ending)) : [])).filter(
    (made) => made !== name,
  )

/** `content` is what the source was when it was built. */
export type Mapped = { path: string; content: string | undefined }

/** What a source map was built from; nothing where it is none (ECMA-426). @param at path of the map */
export function sourcesOfMap(text: string, at: string): Mapped[] {
  const map = parsed(text)
  const { sources, sourcesContent, sourceRoot } = map
  if (!Array.isArray(sources)) return []
  const root = typeof sourceRoot === 'string' ? sourceRoot : ''
  const contents: readonly unknown[] = Array.isArray(sourcesContent) ? sourcesContent : []
  return sources.flatMap((source: unknown, index) => {
    if (typeof source !== 'string') return []
    const content = contents[index]
    const path = join(dirname(at), root, source.replace(/^[a-z][\w+.-]*:\/\/(?:[^/]*\/)?/i, ''))
    return [{ path: path.replace(/\?.*$/, ''), content: typeof content === 'string' ? content : undefined }]
  })
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
