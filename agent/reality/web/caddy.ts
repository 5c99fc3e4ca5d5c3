// Caddy: the Caddyfile, and its sites. Caddy's own JSON is not read.
import { DIRECTIVES_MAX, type Directive, NESTING_MAX, type Syntax, valuesOf, walk } from './directive.ts'
import type { PlainSite } from './nginx.ts'

const WORD = /"((?:[^"\\]|\\.)*)"|`([^`]*)`|([^\s"`]\S*)/g

const wordsOf = (line: string): string[] => {
  const words: string[] = []
  for (const [, double, back, plain] of line.matchAll(WORD)) {
    if (plain?.startsWith('#')) break
    words.push(double ?? back ?? plain ?? '')
  }
  return words
}

/** A line is a directive; `{` at its end opens a block. Addresses of a site may go on after a comma. */
export function parseCaddyfile(text: string, file: string): Directive[] {
  const top: Directive[] = []
  const open = [top]
  for (const line of text
    .replace(/,\s*\n\s*/g, ', ')
    .split('\n')
    .slice(0, DIRECTIVES_MAX)) {
    const words = wordsOf(line.trim())
    if (words.length === 0) continue
    if (words[0] === '}') {
      if (open.length > 1) open.pop()
      continue
    }
    const opens = words.at(-1) === '{'
    const [name = '', ...args] = opens ? words.slice(0, -1) : words
    const directive: Directive = { name, args, file, ...(opens && { block: [] }) }
    open.at(-1)?.push(directive)
    if (directive.block && open.length < NESTING_MAX) open.push(directive.block)
  }
  return hasBraces(top) ? top : oneSite(top, file)
}

/** A file of one site may leave the braces out: its first line is the address. */
const hasBraces = (top: readonly Directive[]): boolean =>
  top.length === 0 || top.every(({ name, block }) => block !== undefined || name === 'import')
const oneSite = ([address, ...block]: readonly Directive[], file: string): Directive[] =>
  address && !address.block && /[.:]|^localhost$/.test(address.name)
    ? [{ name: address.name, args: address.args, file, block }]
    : address
      ? [address, ...block]
      : []

/** `import` of a name that has no slash, dot or star is a snippet of the same file. */
export const CADDY: Syntax = {
  parse: parseCaddyfile,
  include: ({ name, args: [pattern] }) => (name === 'import' && pattern && /[/.*]/.test(pattern) ? pattern : undefined),
}

const isMatcher = (word = ''): boolean => /^(?:@|\/|\*$)/.test(word)

export function sitesOfCaddy(directives: readonly Directive[]): PlainSite[] {
  const snippets = new Map(
    directives.filter(({ name }) => /^\(.+\)$/.test(name)).map(({ name, block }) => [name.slice(1, -1), block ?? []]),
  )
  const withSnippets = (block: readonly Directive[], depth = 0): Directive[] =>
    block.flatMap((each) => {
      const snippet = each.name === 'import' && depth < 4 ? snippets.get(each.args[0] ?? '') : undefined
      return snippet
        ? withSnippets(snippet, depth + 1)
        : [each.block ? { ...each, block: withSnippets(each.block, depth) } : each]
    })
  return directives
    .filter(({ name, block }) => block && name !== '' && !name.startsWith('('))
    .map(({ name, args, block = [], file }) => {
      const addresses = [name, ...args]
        .flatMap((word) => word.split(','))
        .map((word) => word.trim())
        .filter(Boolean)
      const inner = [...walk(withSnippets(block))]
      const root = inner.find(({ directive }) => directive.name === 'root')?.directive.args.at(-1)
      const tls = inner.find(
        ({ directive: { name: each, args: files } }) => each === 'tls' && files[0]?.startsWith('/'),
      )
      return {
        names: addresses.map((each) => hostOf(each)).filter(Boolean),
        listens: [...new Set(addresses.map(portOf))],
        ...(root && { root }),
        upstreams: inner.flatMap(({ directive, inside }) => {
          if (directive.name !== 'reverse_proxy' && directive.name !== 'php_fastcgi') return []
          const matcher = isMatcher(directive.args[0]) ? directive.args[0] : undefined
          const members = [...directive.args.slice(matcher ? 1 : 0), ...valuesOf(directive.block, 'to')]
          const location = matcher ?? inside.findLast(({ name: each }) => /^handle|^route/.test(each))?.args[0] ?? '/'
          return [{ location, target: members[0] ?? '', members: members.length > 1 ? members : [] }]
        }),
        certificates: tls ? tls.directive.args.slice(0, 1) : [],
        file,
      }
    })
}

const hostOf = (address: string): string => /^(?:https?:\/\/)?([^/:{]*)/.exec(address)?.[1] ?? ''
/** Without a port Caddy takes https, unless the address says otherwise. */
const portOf = (address: string): string =>
  /^(?:https?:\/\/)?[^/]*:(\d+)/.exec(address)?.[1] ?? (address.startsWith('http://') ? '80' : '443')
