// Whether an account may get at a file, from owner, group and mode of it and of the directories above it. Access control lists
// and security modules are not looked at.
import { dirname } from 'node:path'
import type { Host } from '../reality/host.ts'

export type Account = { name: string; uid: number; gids: number[] }
export type Wish = 'read' | 'write' | 'execute'
export type Barrier = { path: string; why: string }

const BIT: Record<Wish, number> = { read: 4, write: 2, execute: 1 }

export function accountOf(host: Host, name: string): Account | undefined {
  const line = host
    .text('/etc/passwd')
    .split('\n')
    .map((each) => each.split(':'))
    .find(([login, , uid]) => login === name || uid === name)
  if (!line) return undefined
  const [login = '', , uid = '', gid = ''] = line
  const groups = host
    .text('/etc/group')
    .split('\n')
    .flatMap((each) => {
      const [, , id = '', members = ''] = each.split(':')
      return members.split(',').includes(login) ? [Number(id)] : []
    })
  return { name: login, uid: Number(uid), gids: [Number(gid), ...groups] }
}

export const nameOf = (host: Host, uid: number): string =>
  new RegExp(`^([^:]+):[^:]*:${uid}:`, 'm').exec(host.text('/etc/passwd'))?.[1] ?? String(uid)

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0')

function allows(host: Host, path: string, { uid, gids }: Account, wish: Wish): boolean {
  const stats = host.stat(path)
  if (!stats) return true
  const shift = stats.uid === uid ? 6 : gids.includes(stats.gid) ? 3 : 0
  return ((stats.mode >> shift) & BIT[wish]) !== 0
}

const describe = (host: Host, path: string): string => {
  const stats = host.stat(path)
  return stats ? `${path} is ${nameOf(host, stats.uid)}'s, mode ${octal(stats.mode)}` : `${path} is not there`
}

/** Above the file, the outermost first. */
function above(path: string): string[] {
  const list: string[] = []
  for (let each = dirname(path); each !== '/' && each !== '.'; each = dirname(each)) list.unshift(each)
  return list
}

/** The first thing on the way to a file that keeps an account from it; undefined where nothing does, or nothing can be told. */
export function barrier(host: Host, path: string, account: Account, wishes: readonly Wish[]): Barrier | undefined {
  if (account.uid === 0 || host.hides(path)) return undefined
  const shut = above(path).find((directory) => !allows(host, directory, account, 'execute'))
  if (shut) return { path: shut, why: `${describe(host, shut)}: ${account.name} may not enter it` }
  const wish = wishes.find((each) => !allows(host, path, account, each))
  if (host.exists(path)) return wish && { path, why: `${describe(host, path)}: ${account.name} may not ${wish} it` }
  const parent = dirname(path)
  return wishes.includes('write') && !allows(host, parent, account, 'write')
    ? { path: parent, why: `${describe(host, parent)}: ${account.name} may not make files in it` }
    : undefined
}
