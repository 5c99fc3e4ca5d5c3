// The files of a release, from Central: by name, never more of one than it may have, and never a web page in its place.
import { LIMITS_OF_RELEASE, Refused } from './refused.ts'

export type Source = {
  /** The whole of a small file. @throws Refused */
  read(file: string, most: number): Promise<Buffer>
  /** A file of exactly this size, piece by piece. @throws Refused */
  pieces(file: string, size: number): AsyncIterable<Uint8Array>
}

const WEB_PAGE = /<!doctype|<html|<head/i
const SNIFFED = 512

/** @param central its address, as root believes it */
export function releaseSource(central: string, patienceMs = LIMITS_OF_RELEASE.patienceMs): Source {
  async function* pieces(file: string, most: number, exactly: boolean): AsyncGenerator<Uint8Array> {
    const body = await open(new URL(`releases/${file}`, central.endsWith('/') ? central : `${central}/`), patienceMs)
    let length = 0
    try {
      for await (const piece of body) {
        if (length === 0) refusePage(piece, file)
        length += piece.length
        if (length > most) throw new Refused('size', `${file} is larger than it may be (${most} bytes)`)
        yield piece
      }
    } catch (error) {
      if (error instanceof Refused) throw error
      throw new Refused('cut', `${file} did not come to its end (${causeOf(error)})`)
    }
    if (exactly && length !== most) throw new Refused('cut', `${file} has ${length} bytes instead of ${most}`)
  }

  return {
    async read(file, most) {
      const read: Uint8Array[] = []
      for await (const piece of pieces(file, most, false)) read.push(piece)
      return Buffer.concat(read)
    },
    pieces: (file, size) => pieces(file, size, true),
  }
}

async function open(url: URL, patienceMs: number): Promise<AsyncIterable<Uint8Array>> {
  const signal = AbortSignal.timeout(patienceMs)
  const answer = await fetch(url, { redirect: 'manual', signal }).catch((error: unknown) => {
    throw new Refused('unreachable', `${url.origin} could not be reached (${causeOf(error)})`)
  })
  if (answer.status === 200 && answer.body) return answer.body
  await answer.body?.cancel()
  throw new Refused('unreachable', `${url.origin} answered ${answer.status} for ${url.pathname}`)
}

function refusePage(piece: Uint8Array, file: string): void {
  if (WEB_PAGE.test(Buffer.from(piece.subarray(0, SNIFFED)).toString('latin1')))
    throw new Refused('web_page', `a web page came instead of ${file}: a proxy or a sign-in page stands in the way`)
}

/** undici wraps what happened in "fetch failed". */
function causeOf(error: unknown): string {
  const { cause, name, message } = error as Error & { cause?: NodeJS.ErrnoException }
  return cause?.code ?? cause?.message ?? (name === 'TimeoutError' ? 'it took too long' : message)
}
