// Which place of the host a path is a second name of, through a bind mount (man 5 proc, mountinfo).
import { join } from 'node:path/posix'

type Mount = { device: string; root: string; at: string }

/** What a unit's InaccessiblePaths= and ProtectHome= put in a path's place (man 5 systemd.exec). */
export const PLACEHOLDER = /\/inaccessible\/(?:reg|dir|chr|blk|fifo|sock)$/

/** Space, tab, newline and backslash stand there in octal. */
const plain = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

const isBelow = (path: string, directory: string): boolean =>
  directory === '/' || path === directory || path.startsWith(`${directory}/`)

const within = (from: string, to: string, path: string): string =>
  join(to, from === '/' ? path : path.slice(from.length))

/** What a path is called where its file system is mounted from the top; the path itself where nothing tells more. */
export function firstNames(mountinfo: string): (path: string) => string {
  const mounts = mountinfo.split('\n').flatMap((line): Mount[] => {
    const [, , device, root, at] = line.split(' ')
    return device && root && at && !PLACEHOLDER.test(root) ? [{ device, root: plain(root), at: plain(at) }] : []
  })
  const firstOf = (mount: Mount, path: string): string => {
    const inside = within(mount.at, mount.root, path)
    const [whole = mount] = mounts
      .filter(({ device, root }) => device === mount.device && isBelow(inside, root))
      .toSorted((a, b) => a.root.length - b.root.length || a.at.length - b.at.length)
    return within(whole.root, whole.at, inside)
  }
  const second = mounts.filter((mount) => firstOf(mount, mount.at) !== mount.at)
  return (path) => {
    if (!second.some(({ at }) => isBelow(path, at))) return path
    const over = mounts.filter(({ at }) => isBelow(path, at)).toSorted((a, b) => a.at.length - b.at.length)
    const mount = over.at(-1)
    return mount ? firstOf(mount, path) : path
  }
}
