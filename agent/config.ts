// The agent's settings: arguments, then environment, then defaults; validated once and frozen. The only place in the
// agent that reads process.env. Checked by hand, because the daemon that runs for months shall not carry a validator.
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

export type AgentConfig = Readonly<{
  command: 'run' | 'enrol' | 'status'
  /** Identity, journal, outcomes. Only the agent's own account may read it. */
  dataDirectory: string
  /** The act lane's: pinned trust, spent nonces, outcomes. An installed agent's own account cannot enter it. */
  actDirectory: string
  /** Holds the host owner's policy.yaml. */
  configDirectory: string
  /** More paths that commands in the read lane do not see. */
  hidden: readonly string[]
  central: string
  token: 'stdin' | { file: string } | undefined
  replace: boolean
  /** Enrolment by root: the account that the agent will run as. */
  owner: string | undefined
  /** Where an installed agent says how it is; systemd empties it when the agent ends. */
  runtimeDirectory: string | undefined
  /** Where an installed agent finds its lanes: systemd starts one for each connection. Else the daemon starts them. */
  socketDirectory: string | undefined
}>
export type Parsed = { ok: true; config: AgentConfig } | { ok: false; why: string }

export const USAGE = `usage: agent [run]                                            connect to Central and work
       agent enrol --central URL (--token-stdin | --token-file FILE) [--replace] [--owner USER]
       agent status                                           who this agent is, as JSON
options: --data DIR    state of the agent (MTTRLY_AGENT_DATA)
         --act DIR     state of the act lane (else DATA/act)
         --sockets DIR the lanes are systemd's, behind sockets in this directory
         --config DIR  where policy.yaml is (MTTRLY_AGENT_CONFIG, else /etc/mttrly)
         --hide PATH   a path that commands in the read lane do not see; may be repeated
exit codes: 0 done, 1 fault, 2 usage, 3 not enrolled, 4 refused by Central, 5 Central cannot be reached,
            6 another agent runs on this data`

const COMMANDS = ['run', 'enrol', 'status'] as const
const isCommand = (word: string): word is AgentConfig['command'] => (COMMANDS as readonly string[]).includes(word)

const OPTIONS = {
  data: { type: 'string' },
  act: { type: 'string' },
  config: { type: 'string' },
  sockets: { type: 'string' },
  hide: { type: 'string', multiple: true },
  central: { type: 'string' },
  'token-stdin': { type: 'boolean' },
  'token-file': { type: 'string' },
  replace: { type: 'boolean' },
  owner: { type: 'string' },
} as const

/** Where a service keeps its state (Filesystem Hierarchy Standard), or a person's program does (XDG base directories). */
const defaultData = (uid: number, env: NodeJS.ProcessEnv): string =>
  uid === 0 ? '/var/lib/mttrly-agent' : join(env.XDG_STATE_HOME || join(homedir(), '.local/state'), 'mttrly-agent')

export function parseConfig(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  uid = process.getuid?.() ?? 0,
): Parsed {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
    const [command = 'run', ...more] = positionals
    if (!isCommand(command) || more.length > 0) return { ok: false, why: `no such command: ${positionals.join(' ')}` }
    const hidden = values.hide ?? []
    if (!hidden.every(isAbsolute)) return { ok: false, why: '--hide takes an absolute path' }
    const file = values['token-file']
    const tokens = [file !== undefined, values['token-stdin'] === true].filter(Boolean).length
    if (command === 'enrol' && (!values.central || tokens !== 1))
      return { ok: false, why: 'enrol needs --central and one of --token-stdin and --token-file' }
    const dataDirectory = resolve(values.data || env.MTTRLY_AGENT_DATA || defaultData(uid, env))
    const config = {
      command,
      dataDirectory,
      actDirectory: resolve(values.act || join(dataDirectory, 'act')),
      configDirectory: resolve(values.config || env.MTTRLY_AGENT_CONFIG || '/etc/mttrly'),
      hidden: Object.freeze([...hidden]),
      central: values.central ?? '',
      token: file !== undefined ? { file } : values['token-stdin'] ? ('stdin' as const) : undefined,
      replace: values.replace ?? false,
      owner: values.owner,
      runtimeDirectory: env.RUNTIME_DIRECTORY || undefined,
      socketDirectory: values.sockets === undefined ? undefined : resolve(values.sockets),
    }
    return { ok: true, config: Object.freeze(config) }
  } catch (error) {
    return { ok: false, why: (error as Error).message }
  }
}
