// The files below a directory, one after the other, without following a link. Search and comparison import it.
import { closeSync, readdirSync } from 'node:fs'
import { CatalogueError } from '#proto/contract/errors.ts'
import { redactText } from '#proto/redaction/redactor.ts'
import { refuseRead } from '../guard/file-rules.ts'
import { matchesName } from '../guard/glob.ts'
import { BOUNDS } from './bounds.ts'
import {
  denied,
  hasMoved,
  isSecretElsewhere,
  type Opened,
  openHeld,
  type Reach,
  type ReadRing,
  type Rule,
  reachPath,
  refuseBy,
  refuseFile,
} from './reach.ts'
import { type Held, hold, within } from './walk.ts'

/** What was passed by, by reason. */
export type Tally = {
  files: number
  passed: Record<'not_allowed' | 'not_readable' | 'binary' | 'too_deep' | 'damaged', number>
}
export type Wish = {
  ring: ReadRing
  /** A pattern for the file's name. */
  names?: string | undefined
  /** Directories that are not entered, by name. */
  leaveOut?: ReadonlySet<string>
  /** One directory that is not entered, by its real path. */
  apart?: string | undefined
}

export const newTally = (): Tally => ({
  files: 0,
  passed: { not_allowed: 0, not_readable: 0, binary: 0, too_deep: 0, damaged: 0 },
})

const ruleOf =
  ({ rules }: Reach, { ring }: Wish): Rule =>
  (real) =>
    refuseRead(rules, real, ring)

/** The generator closes each file when the next is asked for. A file as root is the only one. */
export function* filesUnder(reach: Reach, root: string, wish: Wish, tally: Tally): Generator<Opened> {
  const reached = reachPath(reach, root, ruleOf(reach, wish))
  try {
    const { entry, chain } = reached
    if (!entry) throw new CatalogueError('NOT_FOUND', { path: root })
    const directory = entry.stat.isDirectory()
    const refused = directory ? undefined : refuseFile(reach, entry, chain.at(-1), ruleOf(reach, wish))
    if (refused ?? hasMoved(reach, entry)) throw denied(refused ?? 'moved', root)
    yield* directory ? below(reach, entry, wish, tally, 0) : opened(reach, entry, chain.at(-1), wish, tally)
  } finally {
    reached.close()
  }
}

function* below(reach: Reach, directory: Held, wish: Wish, tally: Tally, depth: number): Generator<Opened> {
  for (const name of namesIn(directory, tally)) {
    if (tally.files >= BOUNDS.files) return
    const entry = held(directory, name, tally)
    if (!entry) continue
    try {
      if (entry.stat.isFile()) {
        if (isWished(name, wish)) yield* opened(reach, entry, directory, wish, tally)
      } else if (entry.stat.isDirectory() && !wish.leaveOut?.has(name) && entry.path !== wish.apart) {
        if (depth >= BOUNDS.depth) tally.passed.too_deep++
        else if (isOpen(reach, entry, wish)) yield* below(reach, entry, wish, tally, depth + 1)
        else tally.passed.not_allowed++
      }
    } finally {
      closeSync(entry.fd)
    }
  }
}

/** A directory outside the allowlist may have allowed ones below; a secret or denied one has not. */
function isOpen(reach: Reach, entry: Held, wish: Wish): boolean {
  const refused = refuseBy(reach, ruleOf(reach, wish), entry.path)
  return (refused === undefined || refused === 'not_allowlisted') && !isSecretElsewhere(reach, entry)
}

/** Nor by a name that is a secret itself: the pattern is asked about what would be shown. */
function isWished(name: string, { names }: Wish): boolean {
  if (names === undefined) return true
  return matchesName(names, name) && matchesName(names, redactText(name, {}).text)
}

function* opened(reach: Reach, entry: Held, directory: Held | undefined, wish: Wish, tally: Tally): Generator<Opened> {
  if (refuseFile(reach, entry, directory, ruleOf(reach, wish))) {
    tally.passed.not_allowed++
    return
  }
  let file: Opened
  try {
    file = openHeld(entry, () => {})
  } catch {
    tally.passed.not_readable++
    return
  }
  tally.files++
  try {
    yield file
  } finally {
    file.close()
  }
}

function namesIn(directory: Held, tally: Tally): string[] {
  try {
    return readdirSync(within(directory.fd)).sort()
  } catch {
    tally.passed.not_readable++
    return []
  }
}

/** Whatever vanished, or cannot be named in UTF-8, is passed by. */
function held(directory: Held, name: string, tally: Tally): Held | undefined {
  try {
    return hold(directory, name)
  } catch {
    tally.passed.not_readable++
    return undefined
  }
}
