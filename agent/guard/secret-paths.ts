// Paths whose content is a secret on any host. The read lane puts nothing in their place wherever its uid could get at
// them; where it could not, permissions hide them already.
import { realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'

export const OF_THE_HOST = [
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/mttrly',
  '/etc/ssl/private',
  '/etc/kubernetes/pki',
  '/etc/kubernetes/admin.conf',
  '/etc/rancher/k3s/k3s.yaml',
  '/etc/wireguard',
  '/etc/openvpn/keys',
  '/etc/letsencrypt/keys',
  '/etc/letsencrypt/archive',
  '/run/secrets',
  '/run/credentials',
]

export const OF_A_HOME = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.kube',
  '.config/gcloud',
  '.config/gh',
  '.config/op',
  '.docker/config.json',
  '.git-credentials',
  '.netrc',
  '.npmrc',
  '.pypirc',
  '.pgpass',
  '.my.cnf',
  '.vault-token',
  '.password-store',
  '.local/share/keyrings',
  '.claude/.credentials.json',
  '.codex/auth.json',
]

type Account = { home: string; uid: number }
const ROOT = 0
const isHome = (home: string): boolean => home.startsWith('/') && home !== '/'

/**
 * Where the secrets of an account really are. A link counts only where it leads to what is the account's own: another
 * one of `/proc` or `/var/log` would let any account decide what a diagnosis does not see.
 */
function secretsOf({ home, uid }: Account): string[] {
  return OF_A_HOME.flatMap((path) => {
    try {
      const real = realpathSync(join(home, path))
      const inside = real.startsWith(`${realpathSync(home)}/`)
      return inside || uid === ROOT || statSync(real).uid === uid ? [real] : []
    } catch {
      return [] // not there
    }
  })
}

/** What of this is on the host now. */
export function secretPaths(accounts: readonly Account[]): string[] {
  return [...new Set([...OF_THE_HOST, ...accounts.filter(({ home }) => isHome(home)).flatMap(secretsOf)])]
}
