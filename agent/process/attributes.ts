// Everything of a file but its bytes: owner, mode, ACL, SELinux label, extended attributes. Node cannot set the last three,
// so coreutils' cp does, on descriptors that are handed to it: no name is looked up. The writing room imports it.
import { spawnSync } from 'node:child_process'

export function copyAttributes(fromFd: number, toFd: number): void {
  const { status, error, stderr } = spawnSync(
    '/usr/bin/cp',
    ['--attributes-only', '--preserve=all', '--no-target-directory', '/proc/self/fd/3', '/proc/self/fd/4'],
    { env: { LC_ALL: 'C' }, stdio: ['ignore', 'ignore', 'pipe', fromFd, toFd], timeout: 10_000 },
  )
  if (status !== 0) throw new Error(`attributes were not kept: ${stderr?.toString().trim()}`, { cause: error })
}
