// `npm run bench`: the lines of performance that a release is held to, each as ours beside its peer and its floor in one
// run. `npm run bench -- 1 5` runs lines 1 and 5, `--agents 10000` asks line 3 for that many. A gate that is missed makes
// the exit code 1; a goal is only printed.
import { parseArgs } from 'node:util'
import { auditAndList } from './audit-and-list.ts'
import { bigOutput } from './big-output.ts'
import { fullCall } from './full-call.ts'
import { idleAgents } from './idle-agents.ts'
import { idleDaemon } from './idle-daemon.ts'
import { laneCall } from './lane-call.ts'
import { type Line, missed, print } from './measure.ts'
import { realityLine } from './reality.ts'
import { redactionLine } from './redaction-line.ts'
import { searchLine } from './search.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { agents: { type: 'string', default: '1000' } },
})

const LINES: Record<string, () => Promise<Line>> = {
  '1': fullCall,
  '2': laneCall,
  '3': () => idleAgents(Number(values.agents)),
  '5': idleDaemon,
  '6': redactionLine,
  '7': searchLine,
  '8': bigOutput,
  '9': realityLine,
  '11': auditAndList,
}
const unknown = positionals.find((name) => !(name in LINES))
if (unknown !== undefined) throw new Error(`no such line: ${unknown}; there are ${Object.keys(LINES).join(', ')}`)

const done: Line[] = []
for (const [name, run] of Object.entries(LINES)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  const line = await run()
  print(line)
  done.push(line)
}
const misses = missed(done)
console.log(
  misses.length === 0 ? '\nEvery gate is met.' : `\nGates missed: ${misses.map(({ name }) => name).join('; ')}`,
)
process.exitCode = misses.length === 0 ? 0 : 1
