// One daemon a data directory: two would journal past each other.
import { join } from 'node:path'
import { createOnce, readIfThere, removeFile } from './files/durable-file.ts'
import { identify, type ProcessIdentity, stillRuns } from './process/process-table.ts'

/** Takes the directory, or says that another daemon has it. A lock whose daemon is gone is void. */
export function lockDirectory(directory: string): { release(): void } | undefined {
  const path = join(directory, 'daemon.lock')
  for (let attempt = 0; attempt < 2; attempt += 1) {
    if (createOnce(path, JSON.stringify(identify(process.pid)))) return { release: () => removeFile(path) }
    const holder: ProcessIdentity = JSON.parse(readIfThere(path)?.toString('utf8') ?? '{}')
    if (stillRuns(holder)) return undefined
    removeFile(path)
  }
  return undefined
}
