import type { PathUse } from '#proto/verbs/rules.ts'
import type { StaticWord } from '#proto/verbs/words.ts'
import { NAMED_PLACES, OPEN_TREES, READ_PLACES, SECRET_NAMES, SECRET_NAMES_WRITTEN_OUT } from './secret-places.ts'

/** One character of a path segment, or a pattern character. */
type Unit = string | { readonly any: 'one' | 'many' }
type Segment = readonly Unit[]
type Place = { readonly segments: readonly Segment[]; readonly below: boolean }

/** Linux NAME_MAX, bytes. */
const MAX_SEGMENT = 255
const MANY: Unit = { any: 'many' }
const ONE: Unit = { any: 'one' }

/**
 * Why a path may not be used without approval, or undefined. The path is taken as the shell would read it (relative
 * to `/`, where the lane starts) and normalised by its text alone; a pattern is refused when it could match a secret place.
 */
export function pathRefusal(word: StaticWord, use: PathUse): string | undefined {
  const isPattern = word.glob.includes(true)
  const written = segmentsOf(word)
  if (isPattern && written.some((segment) => isText(segment, '..'))) return 'it mixes a pattern with ..'
  if (written.some((segment) => segment.length > MAX_SEGMENT)) return 'it is longer than a file name can be'
  const path = normalise(written)
  if (isPattern && !startsLikeAPath(word)) return 'the pattern could become an option'
  if (NAMED.some((place) => couldMatch(place, path))) return 'it is in a place that holds secrets'
  if (use === 'name') return undefined
  if (path.length === 2 && isText(path[0] as Segment, 'dev') && isText(path[1] as Segment, 'null')) return undefined
  return contentRefusal(path, use, isPattern)
}

function contentRefusal(path: readonly Segment[], use: PathUse, isPattern: boolean): string | undefined {
  if (READ.some((place) => couldMatch(place, path))) return 'its content may hold secrets'
  const open = OPEN.some((tree) => isBelow(path, tree))
  if (use === 'tree' && (!open || [...NAMED, ...READ].some((place) => couldContain(path, place))))
    return 'what lies below it may hold secrets'
  const name = lowerCase(path.at(-1) ?? [])
  const suspected = NAMES.some((pattern) => !isHiddenFrom(name, pattern) && intersect(pattern, name))
  if (suspected && !(isPattern && open)) return 'files of this name hold secrets'
  if (!isPattern && WRITTEN_OUT.some((pattern) => intersect(pattern, name))) return 'files of this name hold secrets'
  return undefined
}

/** A pattern character at the start of a name never stands for a dot. */
const isHiddenFrom = (name: Segment, pattern: Segment): boolean => pattern[0] === '.' && !isLiteral(name[0])

function startsLikeAPath(word: StaticWord): boolean {
  return !word.glob[0] && word.value[0] !== '-'
}

function segmentsOf(word: StaticWord): Segment[] {
  let segment: Unit[] = []
  const segments = [segment]
  let inBracket = false // the rest of a segment after an active `[` is read as `*`
  for (let i = 0; i < word.value.length; i++) {
    const char = word.value[i] as string
    if (char === '/') {
      segment = []
      segments.push(segment)
      inBracket = false
    } else if (!inBracket) {
      segment.push(word.glob[i] ? patternUnit(char) : char)
      inBracket = char === '[' && word.glob[i] === true
    }
  }
  return segments
}

const patternUnit = (char: string): Unit => (char === '?' ? ONE : MANY)

function normalise(written: readonly Segment[]): Segment[] {
  const path: Segment[] = []
  for (const segment of written) {
    if (isText(segment, '..')) path.pop()
    else if (segment.length > 0 && !isText(segment, '.')) path.push(segment)
  }
  return path
}

function isText(segment: Segment, text: string): boolean {
  return segment.length === text.length && segment.every((unit, i) => unit === text[i])
}

const lowerCase = (segment: Segment): Segment => segment.map((u) => (typeof u === 'string' ? u.toLowerCase() : u))

function couldMatch(place: Place, path: readonly Segment[]): boolean {
  if (path.length < place.segments.length) return false
  if (path.length > place.segments.length && !place.below) return false
  return place.segments.every((segment, i) => intersect(segment, path[i] as Segment))
}

function couldContain(path: readonly Segment[], place: Place): boolean {
  return (
    path.length <= place.segments.length && path.every((segment, i) => intersect(segment, place.segments[i] as Segment))
  )
}

function isBelow(path: readonly Segment[], tree: Place): boolean {
  return (
    path.length >= tree.segments.length && tree.segments.every((segment, i) => isEqual(segment, path[i] as Segment))
  )
}

const isEqual = (a: Segment, b: Segment): boolean => a.length === b.length && a.every((unit, i) => unit === b[i])

/** Whether some text is matched by both patterns. */
function intersect(a: Segment, b: Segment): boolean {
  let start = 0
  while (start < a.length && start < b.length && isLiteral(a[start]) && isLiteral(b[start])) {
    if (a[start] !== b[start]) return false
    start++
  }
  return intersectRest(a.slice(start), b.slice(start))
}

const isLiteral = (unit: Unit | undefined): boolean => typeof unit === 'string'

/** Quadratic in the rests of two segments, each at most MAX_SEGMENT long. */
function intersectRest(a: Segment, b: Segment): boolean {
  if (isLiteral(a.at(-1)) && isLiteral(b.at(-1)) && a.at(-1) !== b.at(-1)) return false
  let row = new Array<boolean>(b.length + 1).fill(false)
  row[b.length] = true
  for (let j = b.length - 1; j >= 0; j--) row[j] = b[j] === MANY && (row[j + 1] as boolean)
  for (let i = a.length - 1; i >= 0; i--) {
    const next = new Array<boolean>(b.length + 1).fill(false)
    next[b.length] = a[i] === MANY && (row[b.length] as boolean)
    for (let j = b.length - 1; j >= 0; j--) next[j] = couldStart(a[i] as Unit, b[j] as Unit, row, next, j)
    row = next
  }
  return row[0] as boolean
}

/** `below` is the row for the rest of a, `here` the row for all of a. */
function couldStart(a: Unit, b: Unit, below: readonly boolean[], here: readonly boolean[], j: number): boolean {
  if (a === MANY || b === MANY) return (below[j] as boolean) || (here[j + 1] as boolean)
  return (a === ONE || b === ONE || a === b) && (below[j + 1] as boolean)
}

function patternOf(text: string): Segment {
  return [...text].map((char) => (char === '*' ? MANY : char))
}

function placeOf(text: string): Place {
  const below = text.endsWith('/**')
  const path = below ? text.slice(0, -3) : text
  return { segments: path.split('/').slice(1).map(patternOf), below }
}

const NAMED = NAMED_PLACES.map(placeOf)
const READ = READ_PLACES.map(placeOf)
const OPEN = OPEN_TREES.map(placeOf)
const NAMES = SECRET_NAMES.map(patternOf)
const WRITTEN_OUT = SECRET_NAMES_WRITTEN_OUT.map(patternOf)
