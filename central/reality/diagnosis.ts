// What is wrong with a server, asked of its host: one question at a time a server, and not again at once. Imported by app; the tool
// reaches it through what it is handed.
import { Diagnosis, type DiagnosisQuestion } from '#proto/contract/diagnosis.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { AttemptsStore } from '../storage/attempts.ts'
import { createCooldown } from './cooldown.ts'
import { neutral } from './neutral.ts'

export type Diagnoses = ReturnType<typeof createDiagnoses>

const COOLDOWN = 30_000
const ANSWER_MAX = 1024 * 1024

export function createDiagnoses({
  ask,
  attempts,
  clock,
}: {
  /** A question to a server that is online, and its answer, both as JSON. */
  ask: (serverId: string, question: string) => Promise<string>
  attempts: AttemptsStore
  clock: Clock
}) {
  const cooldown = createCooldown({ attempts, clock }, 'diagnosis', COOLDOWN)

  return {
    /**
     * Text in it comes from the host; it is neutralised.
     * @throws CatalogueError DIAGNOSTIC_COOLDOWN; what the host refused
     */
    async run(serverId: string, question: DiagnosisQuestion): Promise<Diagnosis> {
      const retry_after_s = await cooldown.take(serverId)
      if (retry_after_s > 0) throw new CatalogueError('DIAGNOSTIC_COOLDOWN', { server_id: serverId, retry_after_s })
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
