// The way of every byte that a run prints: redacted, hashed, counted, handed on. Nothing leaves a lane but through here.
import { createHash } from 'node:crypto'
import { createRedactor, redactText } from '#proto/redaction/redactor.ts'

/** `outputSha256` is that of the bytes that were kept; `outputBytes` counts what was not kept as it was printed. */
export type Totals = { outputBytes: number; outputSha256: string; outputKept: number; redactions: number }

/** `take` gets redacted bytes in order and says whether it keeps them; after the first refusal the rest is only counted. */
export function createOutput(options: {
  hostKey: Buffer
  take(offset: number, data: Buffer): boolean | Promise<boolean>
}) {
  const redactor = createRedactor({ hostKey: options.hostKey })
  const hash = createHash('sha256')
  let outputBytes = 0
  let outputKept = 0
  let keeping = true

  const hand = async (redacted: Buffer): Promise<void> => {
    if (redacted.length === 0) return
    outputBytes += redacted.length
    keeping = await options.take(outputKept, redacted)
    if (!keeping) return
    hash.update(redacted)
    outputKept += redacted.length
  }
  return {
    async write(chunk: Buffer): Promise<void> {
      if (keeping) await hand(redactor.push(chunk))
      else outputBytes += chunk.length
    },
    /** Hands the rest on; afterwards nothing may be written. */
    async end(): Promise<Totals> {
      if (keeping) await hand(redactor.end())
      return { outputBytes, outputKept, outputSha256: hash.digest('hex'), redactions: redactor.hits }
    },
  }
}

const COMMAND_SHOWN = 200

/** Command lines hold passwords as output does. Cut afterwards: half a token has no shape that a rule knows. */
export const redactedCommands = <S extends { command: string }>(survivors: readonly S[]): S[] =>
  survivors.map((survivor) => ({ ...survivor, command: redactText(survivor.command, {}).text.slice(0, COMMAND_SHOWN) }))
