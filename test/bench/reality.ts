// Line 9: what one snapshot of this machine costs, the programs that it starts included.
import { readFileSync } from 'node:fs'
import { ask } from '../../agent/process/ask.ts'
import { readReality } from '../../agent/reality/reality.ts'
import { judged, type Line } from './measure.ts'

const ROUNDS = 7
const TICK_MS = 10

/** Of the children that have ended (man 5 proc: cutime and cstime). */
function childrenMs(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS
}

async function snapshot() {
  const own = process.cpuUsage()
  const children = childrenMs()
  const from = performance.now()
  const runner = async (argv: readonly string[]) => {
    const stdout = await ask(argv, 5_000)
    return { code: stdout === undefined ? 1 : 0, stdout: stdout ?? '' }
  }
  const reality = await readReality({ root: '/', runner, clock: Date, hostKey: Buffer.alloc(32, 1) })
  const { user, system } = process.cpuUsage(own)
  const cpu = (user + system) / 1000 + childrenMs() - children
  return { wall: performance.now() - from, cpu, bytes: Buffer.byteLength(JSON.stringify(reality)), reality }
}

export async function realityLine(): Promise<Line> {
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await snapshot())
  const { host, units, listeners, packages } = rounds[0]?.reality ?? (await snapshot()).reality
  return {
    title: '9. One snapshot of what runs on a host',
    notes: [
      `this machine: ${host.processes} processes, ${units.length} units, ${listeners.length} listeners, ${packages.count} packages; the first round is cold.`,
    ],
    rows: [
      judged(
        { name: 'wall', values: rounds.map(({ wall }) => wall), unit: 'ms', note: 'gate 1,500' },
        { gate: 1_500, better: 'lower' },
      ),
      judged(
        { name: 'CPU, programs included', values: rounds.map(({ cpu }) => cpu), unit: 'ms', note: 'gate 500' },
        { gate: 500, better: 'lower' },
      ),
      { name: 'the snapshot as JSON', values: rounds.map(({ bytes }) => bytes / 1024), unit: 'KB' },
    ],
  }
}
