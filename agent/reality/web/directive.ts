// The tree that every web server's configuration is read into, and how the files it includes get into it, bounded whatever
// they include.
import { dirname, join } from 'node:path'
import type { Host } from '../host.ts'

export type Directive = { name: string; args: string[]; file: string; block?: Directive[] }
export type Syntax = {
  parse(text: string, file: string): Directive[]
  /** The pattern of the files that a directive includes. */
  include(directive: Directive): string | undefined
}
export type Config = { directives: Directive[]; files: string[] }

const FILES_MAX = 512
const BYTES_MAX = 8 * 1024 * 1024
const FILE_MAX = 512 * 1024
const DEPTH_MAX = 16
export const DIRECTIVES_MAX = 50_000
export const NESTING_MAX = 64

/** Reads `main` with all that it includes in place. `base`: what a relative name is relative to; else the including file. */
export function readConfig(host: Host, main: string, syntax: Syntax, base?: string): Config | undefined {
  const files = new Set<string>()
  let reads = 0
  let bytes = 0
  const load = (path: string, stack: readonly string[]): Directive[] => {
    if (stack.includes(path) || stack.length > DEPTH_MAX || reads >= FILES_MAX || bytes >= BYTES_MAX) return []
    const text = host.text(path, FILE_MAX)
    reads += 1
    bytes += text.length
    if (text !== '') files.add(path)
    return expand(syntax.parse(text, path), [...stack, path])
  }
  const expand = (directives: readonly Directive[], stack: readonly string[]): Directive[] =>
    directives.flatMap((directive) => {
      const pattern = syntax.include(directive)
      if (pattern === undefined)
        return [directive.block ? { ...directive, block: expand(directive.block, stack) } : directive]
      const from = base ?? dirname(stack.at(-1) ?? main)
      return filesOf(host, pattern.startsWith('/') ? pattern : join(from, pattern)).flatMap((path) => load(path, stack))
    })
  const directives = load(main, [])
  return files.size > 0 ? { directives, files: [...files] } : undefined
}

/** Apache lets a directory be included: all files in it. */
function filesOf(host: Host, pattern: string): string[] {
  return host
    .glob(pattern)
    .flatMap((path) => (host.stat(path)?.isDirectory() ? host.entries(path).map((each) => each.path) : [path]))
}

/** Every directive of these names, at any depth, each with the blocks it stands in. */
export function* walk(
  directives: readonly Directive[],
  inside: readonly Directive[] = [],
): Generator<{ directive: Directive; inside: readonly Directive[] }> {
  for (const directive of directives) {
    yield { directive, inside }
    if (directive.block) yield* walk(directive.block, [...inside, directive])
  }
}

export const valuesOf = (block: readonly Directive[] | undefined, name: string): string[] =>
  (block ?? []).filter((each) => each.name === name).flatMap(({ args }) => args)
