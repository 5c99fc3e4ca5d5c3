// The daemon's account, against what it should be: nobody in particular, without a shell and in no other group. And the
// names that this host has for owners.
import type { Drift } from '#proto/contract/installation.ts'
import { type Account, parsePasswd } from '../process/accounts.ts'
import { ACCOUNT, type Layout, layoutUnder } from './layout.ts'
import type { Look } from './look.ts'

export type Group = { name: string; gid: number; members: string[] }
export type AccountFacts = { accounts: Account[]; groups: Group[] }

const HOME = layoutUnder('/').state
/** Its path differs between distributions. */
const NO_SHELL = /\/(nologin|false)$/

/** man 5 group */
export function parseGroups(text: string): Group[] {
  return text.split('\n').flatMap((line) => {
    const [name, , gid, members] = line.split(':')
    if (!name || !/^\d+$/.test(gid ?? '')) return []
    return [{ name, gid: Number(gid), members: (members ?? '').split(',').filter(Boolean) }]
  })
}

export const readAccountFacts = (look: Look, layout: Layout): AccountFacts => ({
  accounts: parsePasswd(look.text(layout.passwd) ?? ''),
  groups: parseGroups(look.text(layout.group) ?? ''),
})

/** `mttrly:mttrly`; numbers where the host has no name. */
export function ownerName({ accounts, groups }: AccountFacts, { uid, gid }: { uid: number; gid: number }): string {
  const user = accounts.find((account) => account.uid === uid)?.name ?? uid
  const group = groups.find((each) => each.gid === gid)?.name ?? gid
  return `${user}:${group}`
}

export function accountDrifts({ accounts, groups }: AccountFacts): Drift[] {
  const account = accounts.find(({ name }) => name === ACCOUNT)
  if (!account) return [{ code: 'ACCOUNT_MISSING', target: ACCOUNT, was: 'missing', should: `an account for ${HOME}` }]
  const own = groups.find(({ gid }) => gid === account.gid)?.name ?? String(account.gid)
  const others = groups.filter(({ name, members }) => name !== ACCOUNT && members.includes(ACCOUNT))
  const aspects: [aspect: string, was: string, should: string][] = [
    ['uid', account.uid === 0 ? '0' : 'its own', 'its own'],
    ['home', account.home, HOME],
    ['shell', NO_SHELL.test(account.shell) ? 'nologin' : account.shell, 'nologin'],
    ['group', own, ACCOUNT],
    [
      'other groups',
      others
        .map(({ name }) => name)
        .sort()
        .join(',') || 'none',
      'none',
    ],
  ]
  return aspects
    .filter(([, was, should]) => was !== should)
    .map(([aspect, was, should]) => ({ code: 'ACCOUNT_CHANGED', target: `${ACCOUNT} (${aspect})`, was, should }))
}
