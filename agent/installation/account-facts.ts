// Our accounts, against what they should be: nobody in particular, without a shell and in no other group. And the names
// that this host has for owners.
import type { Drift } from '#proto/contract/installation.ts'
import { type Account, parsePasswd } from '../process/accounts.ts'
import { ACCOUNT, DOCKER_ACCOUNT, INSPECT_ACCOUNT, type Layout, layoutUnder } from './layout.ts'
import type { Look } from './look.ts'

export type Group = { name: string; gid: number; members: string[] }
export type AccountFacts = { accounts: Account[]; groups: Group[] }

/** The daemon's, and those of lanes. */
const ACCOUNTS = [
  [ACCOUNT, layoutUnder('/').state],
  [INSPECT_ACCOUNT, '/nonexistent'],
  [DOCKER_ACCOUNT, '/nonexistent'],
] as const
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

export const accountDrifts = (facts: AccountFacts): Drift[] =>
  ACCOUNTS.flatMap(([name, home]) => driftsOf(name, home, facts))

function driftsOf(name: string, home: string, { accounts, groups }: AccountFacts): Drift[] {
  const account = accounts.find((each) => each.name === name)
  if (!account) return [{ code: 'ACCOUNT_MISSING', target: name, was: 'missing', should: 'an account' }]
  if (account.uid === 0) return [{ code: 'ACCOUNT_IS_ROOT', target: name, was: '0', should: 'a number of its own' }]
  const own = groups.find(({ gid }) => gid === account.gid)?.name ?? String(account.gid)
  const others = groups.filter((group) => group.name !== name && group.members.includes(name))
  const aspects: [aspect: string, was: string, should: string][] = [
    ['home', account.home, home],
    ['shell', NO_SHELL.test(account.shell) ? 'nologin' : account.shell, 'nologin'],
    ['group', own, name],
    [
      'other groups',
      others
        .map((group) => group.name)
        .sort()
        .join(',') || 'none',
      'none',
    ],
  ]
  return aspects
    .filter(([, was, should]) => was !== should)
    .map(([aspect, was, should]) => ({ code: 'ACCOUNT_CHANGED', target: `${name} (${aspect})`, was, should }))
}
