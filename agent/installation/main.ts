// The command line of an installed host: what root does here about the installation itself, and what a granted action does
// about files. `mttrly-agent doctor|repair|…` and the updater's unit start it. Each command is loaded when it is asked for; none belongs to the daemon.
import { errorCode } from '../files/durable-file.ts'
import { closeInherited } from '../process/inherited.ts'

/** @returns the exit code */
export type Command = (args: readonly string[]) => Promise<number>

const COMMANDS: Record<string, () => Promise<Command>> = {
  doctor: async () => (await import('./doctor.ts')).doctor,
  diagnose: async () => (await import('./diagnose.ts')).diagnose,
  repair: async () => (await import('./repair.ts')).repair,
  update: async () => (await import('./update.ts')).update,
  'write-file': async () => (await import('../writing/commands.ts')).write,
  'delete-file': async () => (await import('../writing/commands.ts')).remove,
  undo: async () => (await import('../writing/commands.ts')).undo,
  'run-script': async () => (await import('../writing/commands.ts')).script,
  /** The unit mttrly-update@ starts it. */
  updater: async () => (await import('./updater.ts')).updater,
  /** converge.sh asks it. */
  identity: async () => (await import('./doctor.ts')).identity,
  policy: async () => (await import('./doctor.ts')).policy,
}

const USAGE_EXIT = 2
const FAULT_EXIT = 1

const USAGE = `usage: mttrly-agent doctor [--json]                   what differs from what should be, and what mends it
       mttrly-agent diagnose [--json] [--subject NAME] [PROBLEM…]
                                                      what is wrong with this host, the likeliest cause first
       mttrly-agent repair --strategy issue_driven|full_convergence|lane_reprovision|uninstall
                           [--issues CODE,CODE] [--plan DIGEST [--manifest SHA256]]
                                                      the plan; with the digest that it printed, carries it out
       mttrly-agent update --to VERSION --manifest SHA256
                                                      to the version that Central serves with this manifest
       mttrly-agent status                            who this host is, and how the link is
       mttrly-agent uninstall                         removes the agent
       mttrly-agent write-file PATH --sha256 HASH --expect REVISION|none
                                                      a file that policy.yaml lets be managed, from standard input
       mttrly-agent delete-file PATH --expect REVISION [--for-good]
       mttrly-agent run-script PATH --sha256 HASH -- [ARGUMENT…]
                                                      a script that policy.yaml lets be run, if it is this one
       mttrly-agent undo ID                           back to what was before that change of a file
exit codes: 0 done or healthy, 1 differences or a fault, 2 usage, 4 refused: nothing was changed, 7 went back to the version before`

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  process.umask(0o022)
  closeInherited()
  if (asksForHelp([name, ...args])) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const load = COMMANDS[name]
  if (!load) {
    process.stderr.write(`${USAGE}\n`)
    return USAGE_EXIT
  }
  try {
    return await (await load())(args)
  } catch (error) {
    process.stderr.write(`mttrly-agent ${name}: ${whatWentWrong(error)}\n`)
    return FAULT_EXIT
  }
}

/** What follows `--` is for a script. */
function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? undefined : end).some((word) => word === '--help' || word === '-h')
}

function whatWentWrong(error: unknown): string {
  if (process.getuid?.() !== 0 && ['EACCES', 'EPERM'].includes(errorCode(error) ?? '')) return 'run it as root (sudo)'
  return error instanceof Error ? error.message : String(error)
}

// What was asked of the network and has not answered must not keep the command alive.
process.exitCode = await main(process.argv.slice(2))
process.exit()
