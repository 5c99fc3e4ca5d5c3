// Questions about a host's files and their answers, as JSON inside `inspect.files`. Asked by central/tools, answered in the
// inspect lane; both ends parse what they are given. What a host says is redacted there, and untrusted here.
import { z } from 'zod'
import { LIMITS } from './limits.ts'

/** An answer as JSON: well below LIMITS.message, whatever has to be escaped in it. */
export const FILES_ANSWER_MAX = LIMITS.message / 2
/** What a write or a script may bring; it is shown, signed and stored with its action. */
export const CONTENT_MAX = 256 * 1024

const path = z.string().min(1).max(4096)
const count = z.number().int().positive()
/** `normal`: logs and common configuration. `privileged`: what only root reads. */
export const ReadRing = z.enum(['normal', 'privileged'])

const Wanted = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['head', 'tail']), lines: count }),
  z.strictObject({ kind: z.literal('lines'), from: count, to: count }),
  z.strictObject({ kind: z.literal('page'), cursor: z.string().max(200).optional(), lines: count.optional() }),
])

export const FileQuestion = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('read'), path, ring: ReadRing, wanted: Wanted, maxBytes: count }),
  /** The last lines that a unit has logged. */
  z.strictObject({ do: z.literal('journal'), unit: z.string().min(1).max(300), lines: count.max(10_000) }),
  z.strictObject({
    do: z.literal('search'),
    root: path,
    needle: z.string().min(1).max(256),
    names: z.string().min(1).max(256).optional(),
    ring: ReadRing,
    maxHits: count,
  }),
  z.strictObject({ do: z.literal('diff'), from: path, to: path, ring: ReadRing }),
  z.strictObject({ do: z.literal('compare'), source: path, dist: path, ring: ReadRing }),
  /** A script that the host's owner lets be run, as it is now. */
  z.strictObject({ do: z.literal('script'), path }),
  /** What a write of `content` would do, or without it a deletion. Nothing is changed. */
  z.strictObject({
    do: z.literal('plan'),
    path,
    content: z
      .base64()
      .max(4 * Math.ceil(CONTENT_MAX / 3))
      .optional(),
  }),
])
export type FileQuestion = z.infer<typeof FileQuestion>

const text = z.string()
const size = z.number().int().nonnegative()
const about = {
  path: text,
  size: size.optional(),
  packed: text.optional(),
  modifiedAt: z.number(),
  changed: z.boolean(),
}
const names = { count: size, names: z.array(text) }
const Names = z.object(names)

const Diff = z.object({ text, same: z.boolean(), added: size, removed: size, redactions: size, leftOut: size })

const ANSWERS = {
  read: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('text'),
      ...about,
      text,
      redactions: size,
      /** Bytes of the content in front of what is given, and behind it where that is known. */
      before: size,
      after: size.optional(),
      firstLine: size.optional(),
      shortened: z.enum(['bytes', 'time', 'long_line']).optional(),
      /** Cursor of the page that follows. */
      next: text.optional(),
    }),
    z.object({ kind: z.literal('binary'), ...about, sha256: text.optional() }),
  ]),
  /** `shortened`: more was printed than an answer holds. */
  journal: z.object({ text, redactions: size, exitCode: z.number(), detail: text, shortened: z.boolean() }),
  search: z.object({
    hits: z.array(z.object({ path: text, line: size, text })),
    files: size,
    bytes: size,
    longLines: size,
    passed: z.record(text, size),
    shortened: z.array(text),
  }),
  diff: Diff,
  compare: z.object({
    fresh: Names,
    stale: Names,
    missing: Names,
    extra: Names,
    unverified: z.object({ ...names, newer: size }),
    maps: size,
    files: z.object({ source: size, dist: size }),
    shortened: z.array(text),
  }),
  /** `text`: redacted; `sha256` is that of the bytes themselves. */
  script: z.object({ path: path.startsWith('/'), sha256: z.hash('sha256'), text, size, redactions: size }),
  plan: z.object({
    /** The real path. */
    path: path.startsWith('/'),
    /** Names what is there now without telling anything of it; none where nothing is. */
    expected: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    /** None where one side is no text, or too long to be compared. */
    diff: Diff.optional(),
    size: z.object({ before: size.optional(), after: size.optional() }),
    /** As they will be. */
    attributes: z.object({ mode: size, uid: size, gid: size }),
    canUndo: z.boolean(),
  }),
} satisfies Record<FileQuestion['do'], z.ZodType>

export type QuestionOf<Do extends FileQuestion['do']> = Extract<FileQuestion, { do: Do }>
export type FileAnswer<Do extends FileQuestion['do']> = z.output<(typeof ANSWERS)[Do]>
/** What a lane may hand over for it. */
export type FileAnswers = { [Do in FileQuestion['do']]: z.input<(typeof ANSWERS)[Do]> }

/** @throws when the host says something else */
export const parseAnswer = <Do extends FileQuestion['do']>(asked: Do, json: string): FileAnswer<Do> =>
  ANSWERS[asked].parse(JSON.parse(json)) as FileAnswer<Do>
