// Accounts of the host, from /etc/passwd (man 5 passwd), and the way to run as one of them.
import { readFileSync } from 'node:fs'

export type Account = { name: string; uid: number; gid: number; home: string; shell: string }

export function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid, , home, shell] = line.split(':')
    if (!name || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return []
    return [{ name, uid: Number(uid), gid: Number(gid), home: home || '/', shell: shell || '/bin/sh' }]
  })
}

export const readAccounts = (path = '/etc/passwd'): Account[] => parsePasswd(readFileSync(path, 'utf8'))

/** The account by that name; for '' the one we run as. */
export function findAccount(accounts: readonly Account[], name: string, ownUid: number): Account | undefined {
  return accounts.find((account) => (name === '' ? account.uid === ownUid : account.name === name))
}

/** What a program finds in its environment besides what was granted. */
export const accountEnvironment = ({ name, home, shell }: Account): Record<string, string> => ({
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  HOME: home,
  USER: name,
  LOGNAME: name,
  SHELL: shell,
})

/** The argv that runs a program as that account; only root can run as another. */
export function runAs(argv: readonly string[], account: Account, ownUid: number): string[] | undefined {
  if (account.uid === ownUid) return [...argv]
  if (ownUid !== 0) return undefined
  return ['/usr/bin/setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups', '--', ...argv]
}
