// A home of its own for a client: nothing of the machine's user reaches it, and nothing of it stays.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

export type Home = { dir: string; env: NodeJS.ProcessEnv; write: (path: string, text: string, mode?: number) => void }

export function createHome(t: Pick<TestContext, 'after'>, env: NodeJS.ProcessEnv = {}): Home {
  const dir = mkdtempSync(join(tmpdir(), 'mttrly-client-'))
  t.after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }))
  const path = [join(dir, 'bin'), dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':')
  return {
    dir,
    env: {
      HOME: dir,
      PATH: path,
      LANG: 'C.UTF-8',
      TERM: 'xterm-256color',
      DISABLE_TELEMETRY: '1',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      ...env,
    },
    write(name, text, mode = 0o600) {
      mkdirSync(dirname(join(dir, name)), { recursive: true })
      writeFileSync(join(dir, name), text, { mode })
    },
  }
}
