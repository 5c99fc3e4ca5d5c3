// Paths whose content is a secret on any host. The read lane puts nothing in their place wherever its uid could get at
// them; where it could not, permissions hide them already.
import { join } from 'node:path'

const OF_THE_HOST = [
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

const OF_A_HOME = [
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

export function secretPaths(homes: readonly string[]): string[] {
  const real = new Set(homes.filter((home) => home.startsWith('/') && home !== '/'))
  return [...OF_THE_HOST, ...[...real].flatMap((home) => OF_A_HOME.map((path) => join(home, path)))]
}
