// A directory that stands in for a host's root, with what file work needs around it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { compileFileRules } from '../../agent/guard/file-rules.ts'
import { identitiesOf, type Reach } from '../../agent/reading/reach.ts'

export type FixtureRoot = ReturnType<typeof fixtureRoot>

/** @param files the host's own rules, as policy.yaml holds them; @param secrets real paths below the root */
export function fixtureRoot(t: Pick<TestContext, 'after'>, files?: unknown) {
  const root = mkdtempSync(join(tmpdir(), 'mttrly-root-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const at = (path: string): string => join(root, path)
  const put = (path: string, content: string | Buffer, mode = 0o644): string => {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), content, { mode })
    return at(path)
  }
  const reach = (secrets: readonly string[] = [], now: () => number = () => 0): Reach => {
    const answer = compileFileRules(files)
    if (!answer.ok) throw new Error(answer.why)
    const { rules } = answer
    return { root, rules, secrets: identitiesOf(root, secrets), hostKey: Buffer.alloc(32, 7), clock: now }
  }
  return { root, at, put, reach }
}

export const refusal = (code: string, reason?: string) => (error: unknown) => {
  const { code: got, details } = error as { code?: string; details?: { reason?: string } }
  return got === code && (reason === undefined || details?.reason === reason)
}
