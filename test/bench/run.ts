// `npm run bench`: the lines of performance that a release is held to, each as ours beside its peer and its floor in one
// run. `npm run bench -- 1 5` runs lines 1 and 5. A gate that is missed makes the exit code 1; a goal is only printed.
import { fullCall } from './full-call.ts'
import { type Line, missed, print } from './measure.ts'

const LINES: Record<string, () => Promise<Line>> = { '1': fullCall }
const asked = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const unknown = asked.find((name) => !(name in LINES))
if (unknown !== undefined) throw new Error(`no such line: ${unknown}; there are ${Object.keys(LINES).join(', ')}`)

const done: Line[] = []
for (const [name, run] of Object.entries(LINES)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const line = await run()
  print(line)
  done.push(line)
}
const misses = missed(done)
console.log(misses.length === 0 ? '\nEvery gate is met.' : `\nGates missed: ${misses.map(({ name }) => name).join('; ')}`)
process.exitCode = misses.length === 0 ? 0 : 1
