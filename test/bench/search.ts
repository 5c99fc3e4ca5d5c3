// Line 7: a literal searched for in 1 GB of logs by what `search_files` runs, beside `grep -rF` on the same tree.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { searchFiles } from '../../agent/reading/search.ts'
import { createCleanup } from '../helpers/cleanup.ts'
import { fixtureRoot } from '../helpers/fixture-root.ts'
import { judged, type Line } from './measure.ts'
import { ordinaryLog } from './redaction.ts'

const MIB = 1024 * 1024
const FILES = 16
const FILE_BYTES = 64 * MIB
const ROUNDS = 5
/** One a file, in its middle. */
const RARE = 'needle-in-the-middle'
const ABSENT = 'needle-that-is-nowhere'

function writeTree(directory: string): void {
  mkdirSync(directory, { recursive: true })
  const block = ordinaryLog(MIB)
  for (let file = 0; file < FILES; file++) {
    const fd = openSync(join(directory, `app-${file}.log`), 'w')
    for (let written = 0; written < FILE_BYTES; written += block.length) {
      if (written >= FILE_BYTES / 2 && written < FILE_BYTES / 2 + block.length)
        writeSync(fd, `Nov 22 12:00:00 web-1 app[7]: ${RARE} user=deploy password=hunter2hunter2\n`)
      writeSync(fd, block)
    }
    closeSync(fd)
  }
}

const seconds = async (work: () => unknown): Promise<number> => {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1000
}

export async function searchLine(): Promise<Line> {
  const cleanup = createCleanup()
  try {
    const host = fixtureRoot(cleanup)
    const tree = host.at('/var/log/app')
    writeTree(tree)
    const clock = () => performance.now()
    const ours = async (needle: string, hits: number): Promise<number> => {
      const request = { root: '/var/log/app', needle, ring: 'normal' } as const
      let found = -1
      const time = await seconds(async () => {
        found = (await searchFiles(host.reach([], clock), request)).hits.length
      })
      if (found !== hits) throw new Error(`${found} hits, not ${hits}`)
      return time
    }
    const grep = (needle: string): Promise<number> =>
      seconds(() => {
        try {
          execFileSync('grep', ['-rF', needle, tree], { env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' } })
        } catch (error) {
          if ((error as { status?: number }).status !== 1) throw error // 1: no line was found
        }
      })
    await grep(ABSENT) // the tree is in memory from here on, for both
    await ours(ABSENT, 0)
    const rounds: { absent: number; rare: number }[] = []
    const before = process.memoryUsage.rss()
    let most = before
    for (let round = 0; round < ROUNDS; round++) {
      const absent = (await ours(ABSENT, 0)) / (await grep(ABSENT))
      const rare = (await ours(RARE, FILES)) / (await grep(RARE))
      rounds.push({ absent, rare })
      most = Math.max(most, process.memoryUsage.rss())
    }
    const bounds = { gate: 1.5, better: 'lower' } as const
    return {
      title: '7. A literal in 1 GB of logs',
      notes: [
        'peer: GNU grep -rF in the C locale, its start included. Hits come redacted and with line numbers; the tree is in memory.',
      ],
      rows: [
        judged(
          { name: 'ours / grep, no hit', values: rounds.map(({ absent }) => absent), unit: '×', note: 'gate 1.5' },
          bounds,
        ),
        judged(
          { name: `ours / grep, ${FILES} hits`, values: rounds.map(({ rare }) => rare), unit: '×', note: 'gate 1.5' },
          bounds,
        ),
        judged(
          { name: 'memory more than before', values: [(most - before) / MIB], unit: 'MB', note: 'gate 64' },
          { gate: 64, better: 'lower' },
        ),
      ],
    }
  } finally {
    await cleanup.run()
  }
}
