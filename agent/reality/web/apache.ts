// Apache httpd: its configuration language, and the virtual hosts that a configuration means.
import { DIRECTIVES_MAX, type Directive, NESTING_MAX, type Syntax, valuesOf, walk } from './directive.ts'
import type { PlainSite } from './nginx.ts'

const WORD = /"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g
const wordsOf = (text: string): string[] =>
  [...text.matchAll(WORD)].map(([, double, single, plain]) => double ?? single ?? plain ?? '')

/** One directive a line, `\` goes on, `<Name …>` to `</Name>` is a block. Names have no case. */
export function parseApache(text: string, file: string): Directive[] {
  const top: Directive[] = []
  const open = [top]
  const lines = text
    .replace(/\\\r?\n/g, ' ')
    .split('\n')
    .slice(0, DIRECTIVES_MAX)
  for (const raw of lines) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('</')) {
      if (open.length > 1) open.pop()
      continue
    }
    const isBlock = line.startsWith('<')
    const [name = '', ...args] = wordsOf(isBlock ? line.replace(/^</, '').replace(/>\s*$/, '') : line)
    const directive: Directive = { name: name.toLowerCase(), args, file, ...(isBlock && { block: [] }) }
    open.at(-1)?.push(directive)
    if (directive.block && open.length < NESTING_MAX) open.push(directive.block)
  }
  return top
}

export const APACHE: Syntax = {
  parse: parseApache,
  include: ({ name, args }) => (name === 'include' || name === 'includeoptional' ? args[0] : undefined),
}

const PASSES = new Set(['proxypass', 'proxypassmatch'])

export function sitesOfApache(directives: readonly Directive[]): PlainSite[] {
  const all = [...walk(directives)]
  const defined = new Map(
    all
      .filter(({ directive }) => directive.name === 'define')
      .map(({ directive: { args } }) => [args[0] ?? '', args[1] ?? '']),
  )
  const plain = (text: string): string =>
    text.replace(/\$\{(\w+)\}/g, (whole, name: string) => defined.get(name) ?? whole)
  const pools = new Map(
    all
      .filter(({ directive: { name, args } }) => name === 'proxy' && args[0]?.startsWith('balancer://'))
      .map(({ directive: { args, block } }) => [
        poolOf(args[0]),
        (block ?? []).filter(({ name }) => name === 'balancermember').map((each) => plain(each.args[0] ?? '')),
      ]),
  )
  return all
    .filter(({ directive: { name, block } }) => name === 'virtualhost' && block)
    .map(({ directive: { args, block = [], file } }) => {
      const inner = [...walk(block)].map((each) => ({
        ...each.directive,
        location: each.inside.findLast(({ name }) => name === 'location')?.args[0],
      }))
      const [root] = valuesOf(block, 'documentroot')
      return {
        names: [...valuesOf(inner, 'servername').slice(0, 1), ...valuesOf(inner, 'serveralias')].map(plain),
        listens: args.map(plain),
        ...(root && { root: plain(root) }),
        upstreams: inner.flatMap(({ name, args: words, location }) => {
          if (name === 'sethandler' && words[0]?.startsWith('proxy:'))
            return [{ location: location ?? '/', target: plain(words[0].slice(6)), members: [] }]
          if (!PASSES.has(name) || words.includes('!')) return []
          const target = plain((location === undefined ? words[1] : words[0]) ?? '')
          return [{ location: location ?? words[0] ?? '/', target, members: pools.get(poolOf(target)) ?? [] }]
        }),
        certificates: valuesOf(inner, 'sslcertificatefile').map(plain),
        file,
      }
    })
}

const poolOf = (target = ''): string => /^balancer:\/\/([^/]+)/.exec(target)?.[1] ?? ''
