// Which room may import which at run time; type-only imports are free. A room is a folder of proto/, agent/ or central/;
// `app` is a tier's composition root and its entry files. This table is the architecture: change it with a reason.

export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'proto/gen': [],
  'proto/contract': ['proto/gen'],
  'proto/redaction': [],
  'proto/verbs': [],

  'agent/files': [],
  'agent/journal': ['agent/files', 'proto/contract'],
  'agent/guard': ['proto/contract'],
  'agent/process': ['proto/contract'],
  'agent/reading': ['agent/guard', 'proto/contract', 'proto/redaction'],
  'agent/writing': ['agent/files', 'agent/guard', 'agent/process', 'agent/reading', 'proto/contract'],
  'agent/docker': ['proto/contract', 'proto/redaction', 'proto/verbs'],
  'agent/link': ['proto/contract'],
  'agent/identity': ['agent/files'],
  'agent/installation': [
    'agent/diagnosis',
    'agent/docker',
    'agent/files',
    'agent/guard',
    'agent/identity',
    'agent/process',
    'agent/reading',
    'agent/reality',
    'agent/writing',
    'proto/contract',
    'proto/redaction',
  ],
  'agent/lanes': [
    'agent/docker',
    'agent/diagnosis',
    'agent/files',
    'agent/guard',
    'agent/installation',
    'agent/process',
    'agent/reading',
    'agent/reality',
    'agent/writing',
    'proto/contract',
    'proto/redaction',
    'proto/verbs',
  ],
  'agent/reality': ['agent/process', 'proto/contract', 'proto/redaction'],
  'agent/diagnosis': ['agent/reality', 'proto/contract'],
  'agent/capabilities': ['agent/guard', 'agent/lanes', 'agent/process', 'proto/contract'],
  'agent/app': ['agent/*', 'proto/*'],

  'central/domain': ['proto/contract'],
  'central/commands': ['central/domain', 'proto/verbs'],
  'central/storage': ['central/domain', 'proto/contract'],
  'central/bus': [],
  'central/audit': ['central/domain', 'central/storage', 'proto/contract'],
  'central/plans': ['central/domain', 'central/storage', 'central/bus', 'proto/contract'],
  'central/fleet': ['central/domain', 'central/storage', 'central/bus', 'proto/contract'],
  'central/relay': ['central/domain', 'central/fleet', 'central/bus', 'proto/contract'],
  'central/reality': ['central/domain', 'central/storage', 'proto/contract'],
  'central/releases': ['proto/contract'],
  'central/identity': ['central/domain', 'central/storage', 'proto/contract'],
  'central/oauth': ['central/domain', 'central/storage', 'central/audit', 'central/identity', 'proto/contract'],
  'central/approvals': ['central/domain', 'central/storage', 'central/audit', 'central/bus', 'proto/contract'],
  'central/tools': ['central/domain', 'central/commands', 'proto/contract'],
  'central/calls': [
    'central/domain',
    'central/tools',
    'central/plans',
    'central/approvals',
    'central/audit',
    'central/fleet',
    'central/relay',
    'central/bus',
    'proto/contract',
    'proto/redaction',
  ],
  'central/http': ['central/domain', 'proto/contract'],
  'central/mcp': [
    'central/calls',
    'central/tools',
    'central/oauth',
    'central/http',
    'central/domain',
    'proto/contract',
  ],
  'central/console': [
    'central/calls',
    'central/approvals',
    'central/audit',
    'central/fleet',
    'central/plans',
    'central/identity',
    'central/oauth',
    'central/http',
    'central/domain',
    'proto/contract',
  ],
  'central/app': ['central/*', 'proto/*'],
}

export const TIERS = ['proto', 'agent', 'central'] as const

/** 'central/calls/run-call.ts' → 'central/calls'; 'central/main.ts' → 'central/app'. */
export function roomOf(file: string): string {
  const [tier = '', second = '', third] = file.split('/')
  return third === undefined ? `${tier}/app` : `${tier}/${second}`
}

export function mayImport(from: string, to: string): boolean {
  if (from === to) return true
  return (ROOMS[from] ?? []).some(
    (allowed) => allowed === to || (allowed.endsWith('/*') && to.startsWith(allowed.slice(0, -1))),
  )
}

/** Packages that one place alone may use, and why. */
export const KEPT_PACKAGES: readonly { packages: readonly string[]; only: RegExp; why: string }[] = [
  {
    packages: ['node:child_process', 'child_process', 'node-pty', 'node:cluster'],
    only: /^agent\/process\//,
    why: 'only agent/process starts processes',
  },
  {
    packages: ['kysely', 'pg', 'node:sqlite', 'better-sqlite3'],
    only: /^central\/storage\//,
    why: 'only central/storage knows SQL',
  },
  { packages: ['oidc-provider'], only: /^central\/oauth\//, why: 'the authorization server is central/oauth' },
  {
    packages: ['@modelcontextprotocol/server', '@modelcontextprotocol/node'],
    only: /^central\/mcp\//,
    why: 'MCP is spoken by central/mcp',
  },
  { packages: ['dockerode'], only: /^agent\/docker\//, why: 'only agent/docker asks a container engine' },
  { packages: ['zod'], only: /^(?!agent\/(link|journal|main|app))/, why: 'the daemon stays lean' },
]
