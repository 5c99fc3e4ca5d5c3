// The shortest way from one list of lines to another (E. Myers, An O(ND) difference algorithm, 1986), and its unified text.

/** Lines of `a` from..to are replaced by lines of `b` from..to. */
export type Change = { aFrom: number; aTo: number; bFrom: number; bTo: number }

/** Memory goes with its square: 16 MB. Past it what differs counts as one change. */
const DISTANCE_MAX = 2000
const CONTEXT = 3

export function changesBetween(a: readonly string[], b: readonly string[]): Change[] {
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const middle = { aFrom: head, aTo: a.length - tail, bFrom: head, bTo: b.length - tail }
  if (middle.aFrom === middle.aTo && middle.bFrom === middle.bTo) return []
  return shortest(a.slice(head, middle.aTo), b.slice(head, middle.bTo), head) ?? [middle]
}

/** Furthest reaching paths, one array for each distance; walked back from the end. */
function shortest(a: readonly string[], b: readonly string[], offset: number): Change[] | undefined {
  const most = Math.min(a.length + b.length, DISTANCE_MAX)
  const trace: Int32Array[] = []
  const reach = new Int32Array(2 * most + 3)
  const middle = most + 1
  const at = (k: number): number => reach[middle + k] as number
  for (let d = 0; d <= most; d++) {
    trace.push(reach.slice(middle - d - 1, middle + d + 2))
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && at(k - 1) < at(k + 1)) ? at(k + 1) : at(k - 1) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      reach[middle + k] = x
      if (x >= a.length && x - k >= b.length) return walkBack(trace, a.length, b.length, offset)
    }
  }
  return undefined
}

function walkBack(trace: readonly Int32Array[], aEnd: number, bEnd: number, offset: number): Change[] {
  const changes: Change[] = []
  let x = aEnd
  let y = bEnd
  for (let d = trace.length - 1; d > 0; d--) {
    const before = trace[d] as Int32Array
    const at = (k: number): number => before[k + d + 1] as number
    const k = x - y
    const down = k === -d || (k !== d && at(k - 1) < at(k + 1))
    const from = down ? at(k + 1) : at(k - 1)
    const fromY = from - (down ? k + 1 : k - 1)
    joined(changes, {
      aFrom: from + offset,
      aTo: from + offset + (down ? 0 : 1),
      bFrom: fromY + offset,
      bTo: fromY + offset + (down ? 1 : 0),
    })
    x = from
    y = fromY
  }
  return changes.reverse()
}

/** Steps come last first; those that touch are one change. */
function joined(changes: Change[], step: Change): void {
  const next = changes.at(-1)
  if (next && next.aFrom === step.aTo && next.bFrom === step.bTo) {
    next.aFrom = step.aFrom
    next.bFrom = step.bFrom
  } else changes.push(step)
}

/** Of `diff -u`, without the names. */
export function unified(a: readonly string[], b: readonly string[], changes: readonly Change[]): string[] {
  return hunksOf(changes).flatMap((hunk) => {
    const first = hunk[0] as Change
    const last = hunk.at(-1) as Change
    const aFrom = Math.max(0, first.aFrom - CONTEXT)
    const bFrom = Math.max(0, first.bFrom - CONTEXT)
    const aTo = Math.min(a.length, last.aTo + CONTEXT)
    const bTo = Math.min(b.length, last.bTo + CONTEXT)
    const lines = [`@@ -${rangeOf(aFrom, aTo)} +${rangeOf(bFrom, bTo)} @@`]
    let at = aFrom
    for (const change of hunk) {
      lines.push(...a.slice(at, change.aFrom).map((line) => ` ${line}`))
      lines.push(...a.slice(change.aFrom, change.aTo).map((line) => `-${line}`))
      lines.push(...b.slice(change.bFrom, change.bTo).map((line) => `+${line}`))
      at = change.aTo
    }
    lines.push(...a.slice(at, aTo).map((line) => ` ${line}`))
    return lines
  })
}

const rangeOf = (from: number, to: number): string => {
  const count = to - from
  if (count === 1) return `${to}`
  return `${count === 0 ? from : from + 1},${count}`
}

function hunksOf(changes: readonly Change[]): Change[][] {
  const hunks: Change[][] = []
  for (const change of changes) {
    const hunk = hunks.at(-1)
    if (hunk && change.aFrom - (hunk.at(-1)?.aTo ?? 0) <= 2 * CONTEXT) hunk.push(change)
    else hunks.push([change])
  }
  return hunks
}
