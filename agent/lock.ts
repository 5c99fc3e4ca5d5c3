// One daemon a data directory: two would journal past each other.
import { join } from 'node:path'
import { createOnce, readIfThere, removeFile } from './files/durable-file.ts'
import { identify, type ProcessIdentity, stillRuns } from './process/process-table.ts'

const pathIn = (directory: string): string => join(directory, 'daemon.lock')

/** The daemon that has this directory now. */
export function holderOf(directory: string): ProcessIdentity | undefined {
  try {
    const holder: ProcessIdentity = JSON.parse(readIfThere(pathIn(directory))?.toString('utf8') ?? '')
    return stillRuns(holder) ? holder : undefined
  } catch {
    return undefined // none, or damaged: nobody holds it
  }
}

/** Takes the directory, or says that another daemon has it. A lock whose daemon is gone is void. */
export function lockDirectory(directory: string): { release(): void } | undefined {
  const path = pathIn(directory)
  for (let attempt = 0; attempt < 2; attempt += 1) {
    if (createOnce(path, JSON.stringify(identify(process.pid)))) return { release: () => removeFile(path) }
    if (holderOf(directory)) return undefined
    removeFile(path)
  }
  return undefined
}
