// nginx: its configuration language, and the sites that a configuration means.
import type { Site } from '#proto/contract/reality.ts'
import { DIRECTIVES_MAX, type Directive, NESTING_MAX, type Syntax, valuesOf, walk } from './directive.ts'

export type PlainSite = Omit<Site, 'health' | 'server'>

const TOKEN =
  /\s+|#[^\n]*|"((?:[^"\\]|\\[\s\S])*)"|'((?:[^'\\]|\\[\s\S])*)'|([;{}])|((?:\\[\s\S]|\$\{\w{0,64}\}|[^\s;{}"'#\\])(?:\\[\s\S]|\$\{\w{0,64}\}|[^\s;{}\\])*)/gy

/** Words until `;` or `{`. A broken file still shows what it holds, up to a quote that nothing closes. */
export function parseNginx(text: string, file: string): Directive[] {
  const top: Directive[] = []
  const open = [top]
  let words: string[] = []
  let count = 0
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length && count < DIRECTIVES_MAX) {
    const match = TOKEN.exec(text)
    if (!match) break // a quote that nothing closes
    const [, double, single, sign, word] = match
    const plain = double ?? single ?? word
    if (plain !== undefined) words.push(plain.replace(/\\(["'\s;{}\\])/g, '$1'))
    if (sign === '}' && open.length > 1) open.pop()
    if (sign === ';' || sign === '{') {
      count += 1
      const [name = '', ...args] = words
      const directive: Directive = { name, args, file, ...(sign === '{' && { block: [] }) }
      if (name !== '' || sign === '{') open.at(-1)?.push(directive)
      if (directive.block && open.length < NESTING_MAX) open.push(directive.block)
    }
    if (sign) words = []
  }
  return top
}

export const NGINX: Syntax = {
  parse: parseNginx,
  include: ({ name, args }) => (name === 'include' ? args[0] : undefined),
}

const PASSES = new Set(['proxy_pass', 'fastcgi_pass', 'uwsgi_pass', 'scgi_pass', 'grpc_pass', 'memcached_pass'])

export function sitesOfNginx(directives: readonly Directive[]): PlainSite[] {
  const pools = new Map<string, string[]>()
  const servers: Directive[] = []
  for (const { directive, inside } of walk(directives)) {
    const within = inside.at(-1)?.name
    if (!directive.block || (within !== 'http' && within !== 'stream')) continue
    const members = directive.block.filter(({ name }) => name === 'server').map(({ args }) => args.join(' '))
    if (directive.name === 'upstream') pools.set(directive.args[0] ?? '', members)
    if (directive.name === 'server') servers.push(directive)
  }
  return servers.map((server) => siteOf(server, pools))
}

function siteOf(server: Directive, pools: ReadonlyMap<string, string[]>): PlainSite {
  const block = server.block ?? []
  const upstreams = [...walk(block)].flatMap(({ directive, inside }) => {
    if (!PASSES.has(directive.name)) return []
    const location = inside.findLast(({ name }) => name === 'location')?.args.join(' ') ?? '/'
    const target = directive.args[0] ?? ''
    const pool = /^(?:\w+:\/\/)?([^/:]+)/.exec(target)?.[1] ?? ''
    return [{ location, target, members: pools.get(pool) ?? [] }]
  })
  const listens = block.filter(({ name }) => name === 'listen').map(({ args }) => args.join(' '))
  const root =
    valuesOf(block, 'root')[0] ?? [...walk(block)].find(({ directive }) => directive.name === 'root')?.directive.args[0]
  return {
    names: valuesOf(block, 'server_name').filter((name) => name !== '_' && name !== ''),
    listens: listens.length > 0 ? listens : ['80'],
    ...(root && { root }),
    upstreams,
    certificates: valuesOf(block, 'ssl_certificate'),
    file: server.file,
  }
}
