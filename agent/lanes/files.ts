// Questions about files, answered in the inspect lane: by the rules of the host's policy, through the redactor. The lane
// may read what root reads, so what its unit hides stays hidden whatever the rules say, and the refusal tells which it was.
import { readFileSync } from 'node:fs'
import { normalize } from 'node:path/posix'
import { CatalogueError } from '#proto/contract/errors.ts'
import { FILES_ANSWER_MAX, type FileAnswers, FileQuestion, type QuestionOf } from '#proto/contract/files.ts'
import { sha256 } from '#proto/contract/grant.ts'
import { redactText } from '#proto/redaction/redactor.ts'
import type { Policy } from '../guard/policy.ts'
import { secretPaths } from '../guard/secret-paths.ts'
import { readAccounts } from '../process/accounts.ts'
import { compareTrees } from '../reading/compare.ts'
import { diffFiles } from '../reading/diff.ts'
import { firstNames, PLACEHOLDER } from '../reading/mounts.ts'
import { identitiesOf, type Reach } from '../reading/reach.ts'
import { readFile } from '../reading/read.ts'
import { readScript } from '../reading/script.ts'
import { searchFiles } from '../reading/search.ts'
import { planChange } from '../writing/write.ts'
import type { Caller } from './caller.ts'
import type { LaneSettings } from './settings.ts'
import type { Outcome } from './words.ts'

type Lane = {
  policy: Policy
  settings: LaneSettings
  caller: Caller
  /** A verb of the table, looked up. */
  runVerb(argv: readonly string[], timeoutMs: number, caller: Caller): Promise<Outcome>
}
type Answering = {
  [Do in FileQuestion['do']]: (question: QuestionOf<Do>, lane: Lane) => Promise<FileAnswers[Do]> | FileAnswers[Do]
}

const MOUNTS = '/proc/self/mountinfo'
const JOURNAL_TIME = 20_000
const JOURNAL_MAX = 256 * 1024

const clean = (path: string): string => redactText(path, {}).text
const reachOf = ({ policy, settings }: Lane): Reach & { hostKey: Buffer } => ({
  root: '/',
  rules: policy.files,
  secrets: identitiesOf('/', [...secretPaths(readAccounts()), ...policy.deniedPaths, ...OURS]),
  hostKey: settings.hostKey,
  clock: () => performance.now(),
  firstName: firstNames(readFileSync(MOUNTS, 'utf8')),
})

const ANSWERING: Answering = {
  read: async (question, lane) => {
    const read = await readFile(reachOf(lane), question)
    const path = clean(read.path)
    return read.kind === 'binary' ? { ...read, path } : { ...read, path, text: read.text.toString() }
  },
  journal: ({ unit, lines }, lane) => journalOf(unit, lines, lane),
  search: async (question, lane) => {
    const { hits, ...rest } = await searchFiles(reachOf(lane), question)
    return {
      ...rest,
      shortened: [...rest.shortened],
      hits: hits.map(({ text, ...hit }) => ({ ...hit, text: `${text}` })),
    }
  },
  diff: (question, lane) => diffFiles(reachOf(lane), question),
  script: ({ path }, lane) => {
    const { content, ...script } = readScript(reachOf(lane), path)
    const { text, hits: redactions } = redactText(content.toString(), { hostKey: lane.settings.hostKey })
    return { ...script, sha256: sha256(content), text, size: content.length, redactions }
  },
  plan: ({ path, content }, lane) =>
    planChange(reachOf(lane), path, content === undefined ? undefined : Buffer.from(content, 'base64')),
  compare: (question, lane) => compareTrees(reachOf(lane), question) as FileAnswers['compare'],
}

/** @throws CatalogueError a refusal */
export async function answerFiles(json: string, lane: Lane): Promise<string> {
  const question = parsed(json)
  try {
    const answer = await (ANSWERING[question.do] as (asked: FileQuestion, lane: Lane) => unknown)(question, lane)
    const text = JSON.stringify(answer)
    if (Buffer.byteLength(text) > FILES_ANSWER_MAX) throw new CatalogueError('OUTPUT_TOO_LARGE', {})
    return text
  } catch (error) {
    throw error instanceof CatalogueError ? sayWhoHides(error) : error
  }
}

function parsed(json: string): FileQuestion {
  try {
    return FileQuestion.parse(JSON.parse(json))
  } catch {
    throw new CatalogueError('VALIDATION_ERROR', { field: 'question' })
  }
}

async function journalOf(unit: string, lines: number, lane: Lane): Promise<FileAnswers['journal']> {
  const held: Buffer[] = []
  let room = JOURNAL_MAX
  let shortened = false
  const caller: Caller = {
    ...lane.caller,
    output: async (_offset, data) => {
      shortened ||= data.length > room
      held.push(data.subarray(0, room))
      room -= Math.min(room, data.length)
    },
  }
  const argv = ['journalctl', '--no-pager', '-q', '-u', unit, '-n', String(lines)]
  const { redactions, exitCode, detail } = await lane.runVerb(argv, JOURNAL_TIME, caller)
  return { text: Buffer.concat(held).toString(), redactions, exitCode, detail, shortened }
}

/** Ours, which a bind mount could give another name. */
const OURS = ['/var/lib/mttrly', '/var/lib/mttrly-act']
const LOOKS_HIDDEN = new Set<unknown>(['not_readable', 'another_name_of_a_secret', 'not_a_file', undefined])

/** The rules allowed it, and it was not there to be read: whether that is the unit's doing. */
function sayWhoHides(error: CatalogueError): CatalogueError {
  const { path, reason } = error.details
  if (!['POLICY_DENIED', 'NOT_FOUND'].includes(error.code) || typeof path !== 'string') return error
  if (!LOOKS_HIDDEN.has(reason) || !isHidden(normalize(path))) return error
  const why = "The unit of the inspect lane hides it; the host's policy alone would let it be read."
  return new CatalogueError('POLICY_DENIED', { reason: 'hidden_from_lane', path, source: 'lane_unit', why })
}

function isHidden(path: string): boolean {
  const mounts = readFileSync(MOUNTS, 'utf8').split('\n')
  return mounts.some((line) => {
    const [, , , root = '', at = ''] = line.split(' ')
    return PLACEHOLDER.test(root) && (path === at || path.startsWith(`${at}/`))
  })
}
