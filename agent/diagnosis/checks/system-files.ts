// Files of the system that everybody, or a program that is strict about it, needs with certain modes; and one whose mere
// being there keeps people out.
import type { Stats } from 'node:fs'
import type { Check, Facts } from '../check.ts'
import { finding, next, seen } from '../say.ts'

type Rule = {
  paths: readonly string[]
  /** Bits that must be set, and bits that must not. */
  needs?: number
  never?: number
  /** Nobody but root may have it. */
  roots?: boolean
  why: string
  explains?: string[]
}

const RULES: readonly Rule[] = [
  { paths: ['/tmp', '/var/tmp'], needs: 0o1777, why: 'programs of every account keep files there' },
  {
    paths: ['/', '/etc', '/usr', '/var', '/bin', '/lib', '/usr/bin', '/usr/lib', '/run'],
    needs: 0o555,
    why: 'every account has to get through it',
  },
  {
    paths: [
      '/etc/passwd',
      '/etc/group',
      '/etc/hosts',
      '/etc/nsswitch.conf',
      '/etc/resolv.conf',
      '/etc/ld.so.cache',
      '/etc/localtime',
      '/etc/ssl/certs/ca-certificates.crt',
    ],
    needs: 0o444,
    why: 'every account has to read it',
  },
  {
    paths: ['/usr/bin/sudo'],
    needs: 0o4111,
    roots: true,
    why: 'it works with the rights of root alone',
  },
  { paths: ['/etc/sudoers', '/etc/sudoers.d/*'], never: 0o022, roots: true, why: 'sudo refuses to work with it' },
  {
    paths: ['/etc/ssh/ssh_host_*_key'],
    // Red Hat lets a group of its own read them.
    never: 0o037,
    roots: true,
    why: 'sshd refuses such a key',
    explains: ['ssh.service', 'sshd.service'],
  },
  {
    // By a group it is often meant: of the account alone.
    paths: [
      '/root',
      '/root/.ssh',
      '/root/.ssh/authorized_keys',
      '/home/*',
      '/home/*/.ssh',
      '/home/*/.ssh/authorized_keys',
    ],
    never: 0o002,
    why: 'sshd takes no key of this account then',
  },
]
const NOLOGIN = ['/etc/nologin', '/run/nologin']

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0')

function flawOf({ needs = 0, never = 0, roots }: Rule, { mode, uid }: Stats, root: number): string | undefined {
  if ((mode & needs) !== needs) return `has the mode ${octal(mode)}, and needs at least ${octal(needs)}`
  if ((mode & never) !== 0)
    return `has the mode ${octal(mode)}: others may ${(mode & never & 0o022) !== 0 ? 'write' : 'read'} it`
  return roots && uid !== root ? `is owned by user ${uid}, and not by root` : undefined
}

/** One finding a rule: what is wrong with several of them was done to all at once. */
function modes({ host, now }: Facts) {
  const root = host.stat('/')?.uid ?? 0
  return RULES.flatMap((rule) => {
    const flawed = rule.paths
      .flatMap((path) => (path.includes('*') ? host.glob(path) : [path]))
      .flatMap((path) => {
        const stats = host.hides(path) ? undefined : host.stat(path)
        const flaw = stats && flawOf(rule, stats, root)
        return flaw ? [{ path, flaw }] : []
      })
    const [first] = flawed
    if (!first) return []
    return finding({
      cause: 'PERMISSION_DENIED',
      subject: first.path,
      title: `${first.path} ${first.flaw}: ${rule.why}`,
      confidence: 0.93,
      evidence: flawed.map(({ path, flaw }) => seen(path, now, flaw)),
      next: [next.run(`stat ${flawed.map(({ path }) => path).join(' ')}`, 'Their owners and modes')],
      explains: rule.explains ?? [],
    })
  })
}

/** man 5 nologin. systemd has its own while it starts and stops. */
const shut = ({ host, now, reality }: Facts) =>
  NOLOGIN.filter((path) => host.exists(path) && now - reality.host.bootedAt > 60_000).map((path) =>
    finding({
      cause: 'PERMISSION_DENIED',
      subject: path,
      title: `nobody but root may log in: ${path} is there`,
      confidence: 0.93,
      evidence: [seen(path, now, host.text(path, 500))],
      next: [next.read(path, 'What people are told')],
    }),
  )

export const systemFiles: Check = {
  name: 'modes of system files',
  topics: ['permissions', 'service'],
  run: (facts) => [...modes(facts), ...shut(facts)],
}
