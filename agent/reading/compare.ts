// Whether a built tree belongs to its source: by content, also through source maps; where neither tells, by name and says so.
import { createHash } from 'node:crypto'
import { redactText } from '#proto/redaction/redactor.ts'
import { BOUNDS } from './bounds.ts'
import { isAdded, isNotBuilt, type Mapped, namesMadeOf, SOURCE_MAP, sourcesOfMap } from './build.ts'
import { type Opened, type Reach, type ReadRing, realPathOf } from './reach.ts'
import { readAt } from './source.ts'
import { filesUnder, newTally } from './tree.ts'

export type CompareRequest = { source: string; dist: string; ring: ReadRing }
export type Names = { count: number; names: readonly string[] }
export type Comparison = {
  /** The same bytes, or the text that a source map holds. */
  fresh: Names
  /** Built or copied from another content. */
  stale: Names
  /** In the source, and nothing in the built tree speaks of it. */
  missing: Names
  /** In the built tree, and nothing in the source explains it. */
  extra: Names
  /** Built, and nothing holds the text it was built from; `newer` of them were changed since. */
  unverified: Names & { newer: number }
  maps: number
  files: { source: number; dist: number }
  shortened: readonly ('files' | 'time')[]
}

type Leaf = { hash: string; modifiedAt: number }
type Product = { name: string; sources: readonly Mapped[] }
type Tree = { root: string; leaves: Map<string, Leaf>; products: Product[]; full: boolean }
/** What maps say of one source: hashes of the texts they hold, and what was built from it. */
type Trace = { hashes: Set<string>; products: string[] }
type Verdict = { kind: 'fresh' | 'stale' | 'missing' | 'unverified'; products: readonly string[]; newer?: boolean }

const LEFT_OUT = ['node_modules', '.git', '.hg', '.svn', '.cache', '.turbo', '__pycache__']

export function compareTrees(reach: Reach, request: CompareRequest): Comparison {
  const until = reach.clock() + BOUNDS.time
  const late = (): boolean => reach.clock() > until
  const dist = treeOf(reach, request.dist, request.ring, late)
  const source = treeOf(reach, request.source, request.ring, late, dist.root)
  const traces = tracesOf(source, dist.products)
  const names = { fresh: [] as string[], stale: [] as string[], missing: [] as string[], unverified: [] as string[] }
  const explained = new Set<string>()
  let newer = 0
  for (const [name, leaf] of source.leaves) {
    const verdict = judge(name, leaf, dist, traces.get(name))
    for (const product of verdict.products) explained.add(product)
    if (verdict.kind === 'missing' && isNotBuilt(name)) continue
    names[verdict.kind].push(name)
    if (verdict.newer) newer++
  }
  return {
    fresh: named(names.fresh),
    stale: named(names.stale),
    missing: named(names.missing),
    extra: named([...dist.leaves.keys()].filter((name) => !explained.has(name) && !isAdded(name))),
    unverified: { ...named(names.unverified), newer },
    maps: dist.products.length,
    files: { source: source.leaves.size, dist: dist.leaves.size },
    shortened: [...(source.full || dist.full ? (['files'] as const) : []), ...(late() ? (['time'] as const) : [])],
  }
}

function judge(name: string, leaf: Leaf, dist: Tree, trace: Trace | undefined): Verdict {
  const copy = dist.leaves.get(name)
  const made = namesMadeOf(name).filter((product) => dist.leaves.has(product))
  const products = [...(copy ? [name] : []), ...made, ...(trace?.products ?? [])]
  if (copy?.hash === leaf.hash || trace?.hashes.has(leaf.hash)) return { kind: 'fresh', products }
  if (trace?.hashes.size || (copy && made.length === 0)) return { kind: 'stale', products }
  if (products.length === 0) return { kind: 'missing', products }
  const built = Math.max(...products.map((product) => dist.leaves.get(product)?.modifiedAt ?? 0))
  return { kind: 'unverified', products, newer: leaf.modifiedAt > built }
}

/** @param apart a tree inside of this one that is none of it */
function treeOf(reach: Reach, asked: string, ring: ReadRing, late: () => boolean, apart?: string): Tree {
  const root = realPathOf(reach, asked, ring)
  const tree: Tree = { root, leaves: new Map(), products: [], full: false }
  const tally = newTally()
  for (const file of filesUnder(reach, asked, { ring, leaveOut: new Set(LEFT_OUT), apart }, tally)) {
    const name = file.path.slice(root.length + 1)
    tree.leaves.set(name, { hash: hashOf(file, late), modifiedAt: file.modifiedAt })
    if (SOURCE_MAP.test(name) && file.size <= BOUNDS.map)
      tree.products.push({
        name: name.replace(/\.map$/, ''),
        sources: sourcesOfMap(readAt(file.fd, 0, file.size).toString(), file.path),
      })
    if (late()) break
  }
  return { ...tree, full: tally.files >= BOUNDS.files }
}

function tracesOf(source: Tree, products: readonly Product[]): Map<string, Trace> {
  const traces = new Map<string, Trace>()
  for (const { name: product, sources } of products) {
    for (const { path, content } of sources) {
      const name = nameIn(source, path)
      if (name === undefined) continue
      const trace = traces.get(name) ?? { hashes: new Set(), products: [] }
      if (content !== undefined) trace.hashes.add(sha256(content))
      trace.products.push(product)
      traces.set(name, trace)
    }
  }
  return traces
}

/** A map may have been made elsewhere: then what counts is the longest end of its path that the source has. */
function nameIn({ root, leaves }: Tree, path: string): string | undefined {
  if (path.startsWith(`${root}/`) && leaves.has(path.slice(root.length + 1))) return path.slice(root.length + 1)
  const parts = path.split('/')
  return parts.map((_, index) => parts.slice(index).join('/')).find((end) => leaves.has(end))
}

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex')

function hashOf({ fd, size }: Opened, late: () => boolean): string {
  const hash = createHash('sha256')
  const block = Buffer.allocUnsafe(Math.min(size, BOUNDS.block))
  for (let at = 0; at < size; ) {
    const bytes = readAt(fd, at, Math.min(block.length, size - at), block)
    if (bytes.length === 0 || late()) break
    hash.update(bytes)
    at += bytes.length
  }
  return hash.digest('hex')
}

const named = (names: readonly string[]): Names => ({
  count: names.length,
  names: names.slice(0, BOUNDS.names).map((name) => redactText(name, {}).text),
})
