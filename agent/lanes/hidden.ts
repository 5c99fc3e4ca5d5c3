// What this host's read lane must not see beyond its unit's own list: the accounts' secrets and what policy.yaml denies, as
// a drop-in of the unit (man 5 systemd.exec, InaccessiblePaths=). Root runs it when the lane's socket is opened.
import { existsSync, realpathSync } from 'node:fs'
import { loadPolicy } from '../guard/policy.ts'
import { secretPaths } from '../guard/secret-paths.ts'
import { readAccounts } from '../process/accounts.ts'

/** Quoted for a unit file: backslashes, quotes and specifiers (man 7 systemd.syntax). */
const quoted = (path: string): string => `"-${path.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`

/** A path with a control character cannot be named in a unit file. The lane then finds it open, and refuses. */
const nameable = (path: string): boolean => !/\p{Cc}/u.test(path)

export const dropIn = (paths: readonly string[]): string =>
  ['[Service]', ...paths.filter(nameable).map((path) => `InaccessiblePaths=${quoted(path)}`), ''].join('\n')

/** @param needed what the lane itself reads */
export async function hiddenHere(configDirectory: string, needed: readonly string[]): Promise<string[]> {
  const policy = await loadPolicy(configDirectory)
  const secrets = secretPaths(readAccounts()).filter((path) => !needed.includes(path))
  const denied = policy.ok ? policy.policy.deniedPaths : []
  return [...new Set([...secrets, ...denied].filter((path) => existsSync(path)).map((path) => realpathSync(path)))]
}
