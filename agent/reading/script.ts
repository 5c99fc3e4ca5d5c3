// A script that the host's owner lets be run: its bytes, read once. What is run is these, never the path again.
import { CatalogueError } from '#proto/contract/errors.ts'
import { CONTENT_MAX } from '#proto/contract/files.ts'
import { refuseScript } from '../guard/file-rules.ts'
import { denied, openBy, type Reach } from './reach.ts'
import { readAt } from './source.ts'
import { isBinary } from './text.ts'

export function readScript(reach: Reach, asked: string): { path: string; content: Buffer } {
  const { fd, path, size, close } = openBy(reach, asked, (real) => refuseScript(reach.rules, real))
  try {
    if (size > CONTENT_MAX) throw new CatalogueError('OUTPUT_TOO_LARGE', { path, limit: CONTENT_MAX })
    const content = Buffer.from(readAt(fd, 0, size))
    if (isBinary(content)) throw denied('binary', asked)
    return { path, content }
  } finally {
    close()
  }
}
