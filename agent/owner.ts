// Root acting as the account that an installed agent runs as, for as long as one function takes.
import type { AsOwner } from './enrol.ts'
import { findAccount, readAccounts } from './process/accounts.ts'

/** @throws Error when there is no such account, or we are not root */
export function actingAs(name: string): AsOwner {
  const account = findAccount(readAccounts(), name, -1)
  const { seteuid, setegid, getgroups, setgroups } = process
  if (!account || !seteuid || !setegid || !getgroups || !setgroups) throw new Error(`there is no account ${name}`)
  return (act) => {
    const groups = getgroups()
    setgroups([])
    setegid(account.gid)
    seteuid(account.uid)
    try {
      return act()
    } finally {
      seteuid(0)
      setegid(0)
      setgroups(groups)
    }
  }
}
