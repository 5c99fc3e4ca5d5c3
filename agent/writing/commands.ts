// `mttrly-agent write-file`, `delete-file`, `undo`, `run-script`: what an approved action does about a file, as root. Bound to
// what was shown: another content, or another file than was there, is refused with exit code 4, and nothing is changed.
import { fstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { CatalogueError, wordsOf } from '#proto/contract/errors.ts'
import { sha256 } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { loadPolicy, refuseLane } from '../guard/policy.ts'
import { secretPaths } from '../guard/secret-paths.ts'
import { readAccounts } from '../process/accounts.ts'
import { runInPlace } from '../process/script.ts'
import { firstNames } from '../reading/mounts.ts'
import { identitiesOf } from '../reading/reach.ts'
import { readScript } from '../reading/script.ts'
import { changed, type Writing } from './target.ts'
import { type Changed, removeFile, undoChange, writeFile } from './write.ts'

const CONFIG = '/etc/mttrly'
const STATE = '/var/lib/mttrly-act'
const DONE_EXIT = 0
const REFUSED_EXIT = 4

type Command = (args: readonly string[]) => Promise<number>
type Values = Readonly<Record<string, string | boolean | undefined>>

/** @throws CatalogueError what the host's owner does not let be written at all */
async function writingHere(): Promise<Writing> {
  const answer = await loadPolicy(CONFIG)
  const refusal = refuseLane(answer, 'act')
  if (refusal || !answer.ok) throw new CatalogueError('POLICY_DENIED', refusal?.details ?? {})
  const { files, deniedPaths } = answer.policy
  return {
    root: '/',
    rules: files,
    secrets: identitiesOf('/', [...secretPaths(readAccounts()), ...deniedPaths, STATE, '/var/lib/mttrly']),
    hostKey: readFileSync(join(STATE, 'host-key')),
    clock: () => performance.now(),
    firstName: firstNames(readFileSync('/proc/self/mountinfo', 'utf8')),
    preimages: join(STATE, 'preimages'),
  }
}

/** A command about one file or one change. */
const command =
  (options: NonNullable<Parameters<typeof parseArgs>[0]>['options'], work: Work): Command =>
  async (args) => {
    const { values, positionals } = parseArgs({ args: [...args], options: options ?? {}, allowPositionals: true })
    const [subject, ...more] = positionals
    try {
      if (subject === undefined || more.length > 0) throw wrong('one path or id')
      process.stdout.write(said(work(await writingHere(), subject, values as Values)))
      return DONE_EXIT
    } catch (error) {
      return refused(error)
    }
  }
type Work = (writing: Writing, subject: string, values: Values) => Changed

/** @throws what is no refusal */
function refused(error: unknown): number {
  if (!(error instanceof CatalogueError)) throw error
  process.stderr.write(refusalText(error))
  return REFUSED_EXIT
}

/** For a person, or a client that reads the output. Whatever is refused here, the host refuses. */
export function refusalText({ code, details: { why, source: _source, ...facts } }: CatalogueError): string {
  const { description } = wordsOf(code, { by: 'agent' })
  const told = Object.entries(facts).map(
    ([name, fact]) => `${name} ${typeof fact === 'string' ? fact : JSON.stringify(fact)}`,
  )
  return `refused, nothing was changed: ${typeof why === 'string' ? why : description} (${[code, ...told].join(', ')})\n`
}

const wrong = (needs: string): CatalogueError => new CatalogueError('VALIDATION_ERROR', { needs })

function said({ path, revision, undo }: Changed): string {
  const did = revision === undefined ? 'deleted' : 'written'
  return `${did}: ${path}\n${undo ? `to undo it: mttrly-agent undo ${undo}` : 'It cannot be undone.'}\n`
}

function expectedOf({ expect }: Values): string {
  if (typeof expect !== 'string') throw wrong('--expect')
  return expect
}

/** Standard input, if it is what was approved. */
function contentOf({ sha256: approved }: Values): Buffer {
  const { size } = fstatSync(0)
  if (size > LIMITS.grantInput) throw new CatalogueError('OUTPUT_TOO_LARGE', { limit: LIMITS.grantInput })
  const content = readFileSync(0)
  if (sha256(content) !== approved) throw new CatalogueError('POLICY_DENIED', { reason: 'another_content' })
  return content
}

export const write: Command = command(
  { sha256: { type: 'string' }, expect: { type: 'string' } },
  (writing, path, values) => {
    const expected = expectedOf(values)
    const content = contentOf(values)
    return writeFile(writing, { path, content, expected: expected === 'none' ? undefined : expected })
  },
)

export const remove: Command = command(
  { expect: { type: 'string' }, 'for-good': { type: 'boolean' } },
  (writing, path, values) =>
    removeFile(writing, { path, expected: expectedOf(values), forGood: values['for-good'] === true }),
)

export const undo: Command = command({}, undoChange)

/** PATH --sha256 HASH -- ARGUMENT…: the bytes that were approved, under the script's name in a directory of root's alone. */
export const script: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { sha256: { type: 'string' } },
    allowPositionals: true,
  })
  const [path = '', ...given] = positionals
  let content: Buffer
  try {
    content = readScript(await writingHere(), path).content
    if (sha256(content) !== values.sha256) throw changed(path)
  } catch (error) {
    return refused(error)
  }
  const directory = mkdtempSync(join(STATE, 'script-'))
  try {
    const copy = join(directory, basename(path))
    writeFileSync(copy, content, { mode: 0o500, flag: 'wx' })
    const shebang = content.subarray(0, 2).toString() === '#!'
    return await runInPlace([...(shebang ? [] : ['/bin/sh']), copy, ...given])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
