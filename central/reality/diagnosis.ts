// What is wrong with a server, asked of its host: one question at a time a server, and not again at once. Imported by app; the tool
// reaches it through what it is handed.
import { Diagnosis, type DiagnosisQuestion } from '#proto/contract/diagnosis.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import { neutral } from './neutral.ts'

export type Diagnoses = ReturnType<typeof createDiagnoses>

const COOLDOWN = 30_000
const ANSWER_MAX = 1024 * 1024

export function createDiagnoses({
  ask,
  clock,
}: {
  /** A question to a server that is online, and its answer, both as JSON. */
  ask: (serverId: string, question: string) => Promise<string>
  clock: Clock
}) {
  const asked = new Map<string, number>()

  return {
    /**
     * Text in it comes from the host; it is neutralised.
     * @throws CatalogueError DIAGNOSTIC_COOLDOWN; what the host refused
     */
    async run(serverId: string, question: DiagnosisQuestion): Promise<Diagnosis> {
      const now = clock.now()
      const wait = (asked.get(serverId) ?? Number.NEGATIVE_INFINITY) + COOLDOWN - now
      if (wait > 0)
        throw new CatalogueError('DIAGNOSTIC_COOLDOWN', { server_id: serverId, retry_after_s: Math.ceil(wait / 1000) })
      for (const [other, at] of asked) if (at + COOLDOWN <= now) asked.delete(other)
      asked.set(serverId, now)
      return neutral(readAnswer(await ask(serverId, JSON.stringify(question))))
    },
  }
}

/** @throws CatalogueError when it is not what the contract says */
function readAnswer(json: string): Diagnosis {
  if (Buffer.byteLength(json) > ANSWER_MAX) throw new CatalogueError('OUTPUT_TOO_LARGE')
  try {
    return Diagnosis.parse(JSON.parse(json))
  } catch (error) {
    const why = 'What the host answered is not what its capability version promises.'
    throw new CatalogueError('INTERNAL_ERROR', { why }, { cause: error })
  }
}
