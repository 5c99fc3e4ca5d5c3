// Reads the source tree as the runtime sees it: types stripped, so that only imports which really happen are left.
import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, normalize } from 'node:path'

export type Source = { file: string; text: string; runtimeImports: string[] }

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s*(?:[\w*{}\s,$]+?\s*from\s*)?["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g

export function runtimeImportsOf(typescript: string): string[] {
  const javascript = stripTypeScriptTypes(withoutTypeOnlyNames(typescript), { mode: 'strip' })
  return [...withoutComments(javascript).matchAll(IMPORT)].flatMap((match) => match[1] ?? match[2] ?? [])
}

/** `import { type A, type B } from` imports nothing at run time either, though stripping leaves an empty import. */
const withoutTypeOnlyNames = (text: string): string =>
  text.replace(/^import \{\s*(?:type [\w$]+(?: as [\w$]+)?,?\s*)+\} from ['"][^'"]+['"]$/gm, '')

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')

export function readSources(...globs: string[]): Source[] {
  return globSync(globs)
    .filter((file) => file.endsWith('.ts') && !file.includes('proto/gen/'))
    .sort()
    .map((file) => {
      const text = readFileSync(file, 'utf8')
      return { file, text, runtimeImports: runtimeImportsOf(text) }
    })
}

/** The source that an import leads to, relative to the root; undefined for a package and for data. */
export function targetOf(file: string, specifier: string): string | undefined {
  if (specifier.endsWith('.json')) return
  if (specifier.startsWith('#proto/')) return specifier.replace('#proto/', 'proto/')
  if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier))
}
