// What stood there before a write or a deletion, so that it can be undone: one file each, whole or not there, root's alone.
import { randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CatalogueError } from '#proto/contract/errors.ts'
import { createOnce, makePrivateDirectory, readIfThere, removeFile } from '../files/durable-file.ts'

/** `after`: revision of what the change left, undefined for a deletion. `before`: none where the file was made. */
export type Preimage = {
  path: string
  after: string | undefined
  before: { content: Buffer; mode: number; uid: number; gid: number } | undefined
}

const COUNT_MAX = 200
const BYTES_MAX = 256 * 1024 * 1024
const GONE = 'There is no change of this id that could be undone: it was undone already, or is too old to be kept.'
const ID = /^\d{13}-[0-9a-f]{16}$/

/** @returns the id by which it is undone */
export function keepPreimage(directory: string, { path, after, before }: Preimage, now = Date.now()): string {
  makePrivateDirectory(directory)
  const id = `${String(now).padStart(13, '0')}-${randomBytes(8).toString('hex')}`
  const { content, ...attributes } = before ?? { content: Buffer.alloc(0) }
  const head = JSON.stringify({ path, after, before: before && attributes })
  createOnce(join(directory, id), Buffer.concat([Buffer.from(`${head}\n`), content]))
  prune(directory)
  return id
}

export function loadPreimage(directory: string, id: string): Preimage {
  const bytes = ID.test(id) ? readIfThere(join(directory, id)) : undefined
  if (!bytes) throw new CatalogueError('NOT_FOUND', { undo: id, why: GONE })
  const end = bytes.indexOf(0x0a)
  const head = JSON.parse(bytes.subarray(0, end).toString()) as Omit<Preimage, 'before'> & { before?: object }
  const before = head.before && { ...(head.before as Preimage['before']), content: bytes.subarray(end + 1) }
  return { path: head.path, after: head.after, before: before as Preimage['before'] }
}

export const dropPreimage = (directory: string, id: string): void => removeFile(join(directory, id))

/** The oldest go first; their names begin with the time. */
function prune(directory: string): void {
  const kept = readdirSync(directory).filter((name) => ID.test(name))
  let bytes = 0
  for (const [index, name] of kept.sort().reverse().entries()) {
    bytes += statSync(join(directory, name)).size
    if (index >= COUNT_MAX || (index > 0 && bytes > BYTES_MAX)) removeFile(join(directory, name))
  }
}
