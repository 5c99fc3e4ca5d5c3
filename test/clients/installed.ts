// The real clients that tests drive: pinned, and kept out of the project (they are ten times its size).
// `node test/install-clients.ts` puts them into the user's cache; without them their tests are skipped.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const VERSIONS = {
  '@anthropic-ai/claude-code': '2.1.330',
  '@modelcontextprotocol/conformance': '0.2.0-alpha.12',
  '@modelcontextprotocol/inspector': '2.12.0',
  '@openai/codex': '0.169.0',
  'mcp-remote': '0.15.1',
  mcporter: '0.12.3',
} as const

const digest = createHash('sha256').update(JSON.stringify(VERSIONS)).digest('hex').slice(0, 12)
const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')

/** Another set of versions is another directory. */
export const CLIENTS_DIR = join(cache, 'mttrly-test', `clients-${digest}`)

export type ClientName = 'claude' | 'codex' | 'conformance' | 'mcp-inspector' | 'mcp-remote-client' | 'mcporter'

export const clientPath = (name: ClientName): string => join(CLIENTS_DIR, 'node_modules', '.bin', name)

/** For `{ skip }`: false, or why not. */
export const missing = (name: ClientName): string | false =>
  existsSync(clientPath(name)) ? false : `${name} is not installed; run: node test/install-clients.ts`
