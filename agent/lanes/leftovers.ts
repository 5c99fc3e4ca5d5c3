// Copies of scripts that an end by force has left in the act lane's directory (agent/writing/commands.ts makes them). The act
// lane sweeps them when it starts.
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { commandLine, readProcesses } from '../process/process-table.ts'

/** A younger one may be about to be started. */
const YOUNG_MS = 60_000

export function sweepScripts(directory: string, now: number): void {
  const copies = readdirSync(directory).filter((name) => name.startsWith('script-'))
  if (copies.length === 0) return
  const lines = readProcesses().map((entry) => commandLine(entry))
  for (const path of copies.map((name) => join(directory, name))) {
    const madeAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now
    if (now - madeAt < YOUNG_MS || lines.some((line) => line.includes(path))) continue
    rmSync(path, { recursive: true, force: true })
  }
}
