// A host made of files and of what its programs would say, as the checks see it.

import type { Diagnosis } from '#proto/contract/diagnosis.ts'
import { Finding } from '#proto/contract/diagnosis.ts'
import type { Snapshot } from '#proto/contract/reality.ts'
import type { Check, Facts, LogLine } from '../../../agent/diagnosis/check.ts'
import type { ProgramName } from '../../../agent/diagnosis/programs.ts'
import { createHost } from '../../../agent/reality/host.ts'
import { snapshot } from '../../helpers/reality.ts'
import { makeTree } from '../reality/tree.ts'

export const NOW = Date.UTC(2026, 10, 22, 12)
type Context = { after(hook: () => void): void }
export type Said = {
  files?: Record<string, string | Buffer>
  links?: Record<string, string>
  reality?: Partial<Snapshot>
  recent?: LogLine[]
  kernel?: LogLine[]
  programs?: Partial<Record<ProgramName, string>>
  now?: number
  problem?: string
  /** What changes between two looks. */
  between?: (root: string) => void
  answers?: Partial<Pick<Facts, 'probe' | 'resolver'>>
}

export const line = (text: string, over: Partial<LogLine> = {}): LogLine => ({
  at: NOW - 60_000,
  unit: 'shop.service',
  identifier: 'shop',
  priority: 6,
  pid: 1,
  text,
  ...over,
})
export const kernelLine = (text: string, ago = 60_000): LogLine =>
  line(text, { at: NOW - ago, unit: '', identifier: 'kernel', priority: 3 })

export function factsOf(t: Context, said: Said = {}): Facts {
  const { recent = [], kernel = [], programs = {}, answers, now = NOW, problem = '' } = said
  const root = makeTree(t, { files: said.files ?? {}, links: said.links ?? {} })
  const reality = snapshot({ ...said.reality })
  return {
    now,
    question: { problem },
    host: createHost({ root, runner: async () => ({ code: 1, stdout: '' }), now }),
    reality,
    left: () => 2_000,
    run: async (name) => programs[name],
    journal: async (of) =>
      of === 'kernel' ? kernel : typeof of === 'string' ? recent : recent.filter(({ unit }) => unit === of.unit),
    async twice(look) {
      const first = await look()
      said.between?.(root)
      return [first, await look(), 1_000]
    },
    probe: async () => ({ ok: true, why: 'connected' }),
    resolver: async () => ({ ok: true, status: 0, why: 'it answers' }),
    ...answers,
  }
}

/** What a check finds, which must be what the contract says. */
export async function find(t: Context, check: Check, said?: Said): Promise<Diagnosis['findings']> {
  return Finding.array().parse(await check.run(factsOf(t, said)))
}

/** Cause, subject and severity of each. */
export const brief = (findings: readonly Finding[]): string[] =>
  findings.map(({ cause, subject, severity }) => `${severity} ${cause} ${subject}`)
