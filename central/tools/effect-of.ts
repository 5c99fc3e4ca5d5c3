// What a stored action does, in the words of decide(): policy is asked again when it is approved and when it begins, and
// then there is no call any more. Imported by calls.
import { basename } from 'node:path'
import { classify } from '../commands/classify.ts'
import { type ActionSpec, runsOnHost, type Script } from '../domain/action.ts'
import type { Effect } from '../domain/decide.ts'

/** An action always is a change: what is not, was never asked for. */
export const effectOf = (spec: ActionSpec): Effect => ({ kind: 'change', why: '', programs: programsIn(spec) })

function programsIn(spec: ActionSpec): readonly string[] {
  if (spec.kind === 'command') return programsOf(spec.line)
  if (spec.kind === 'execute_script') return programsOfScript(spec.script)
  return runsOnHost(spec) ? spec.argv.slice(0, 1).map((path) => basename(path)) : []
}

/** Only a shell's programs can be told; what another language starts could be any. */
export function programsOfScript(script: Script): readonly string[] {
  if (script.kind === 'managed') return ['mttrly-agent', '?']
  const isShell = ['sh', 'bash'].includes(script.interpreter)
  return [script.interpreter, ...(isShell ? programsOf(script.text) : ['?'])]
}

function programsOf(line: string): readonly string[] {
  const found = classify(line)
  return found.kind === 'verb' ? [found.program] : found.programs
}
