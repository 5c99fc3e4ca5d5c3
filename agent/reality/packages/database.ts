// What the package manager has installed: dpkg's and apk's databases as files, rpm's by asking rpm.
import type { Host } from '../host.ts'

export type Package = { name: string; version: string; broken?: string; installedAt?: number }
export type Manager = 'dpkg' | 'rpm' | 'apk' | 'none'
export type Installed = ReturnType<typeof indexPackages>

const DATABASE_MAX = 32 * 1024 * 1024
const MOST = 20_000
const NAME = /^[\w.+~:-]{1,150}$/
const VERSION = /^[\w.+~:^-]{1,150}$/

const sound = ({ name, version }: Package): boolean => NAME.test(name) && VERSION.test(version)

/** Stanzas with `Package`, `Status`, `Version` (deb822). Looked through by line starts: the file has megabytes. */
export function parseDpkg(text: string): Package[] {
  return text.split('\n\n').flatMap((stanza) => {
    const field = (name: string): string => {
      const at = stanza.startsWith(`${name}: `) ? 0 : stanza.indexOf(`\n${name}: `) + 1
      if (at === 0 && !stanza.startsWith(`${name}: `)) return ''
      const end = stanza.indexOf('\n', at)
      return stanza.slice(at + name.length + 2, end < 0 ? undefined : end)
    }
    const [want, flag, status] = field('Status').split(' ')
    const found = { name: field('Package'), version: field('Version') }
    if (!sound(found) || status === 'config-files' || status === 'not-installed') return []
    if (status === 'installed' && flag === 'ok') return [found]
    return [{ ...found, broken: `${want} ${flag} ${status}`.slice(0, 100) }]
  })
}

/** `P:name` and `V:version` in stanzas (man apk-v2). */
export function parseApk(text: string): Package[] {
  return text.split('\n\n').flatMap((stanza) => {
    const field = (letter: string): string => new RegExp(`^${letter}:(.*)$`, 'm').exec(stanza)?.[1] ?? ''
    const found = { name: field('P'), version: field('V') }
    return sound(found) ? [found] : []
  })
}

/** Lines of the query in COMMANDS.rpm. */
export function parseRpm(text: string): Package[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', version = '', seconds = ''] = line.split('\t')
    const found = { name, version, installedAt: Number(seconds) * 1000 || 0 }
    return sound(found) && name !== 'gpg-pubkey' ? [found] : []
  })
}

export function indexPackages(manager: Manager, packages: readonly Package[]) {
  const byName = new Map(packages.slice(0, MOST).map((each) => [each.name, each]))
  return {
    manager,
    packages: [...byName.values()],
    version: (name: string): string | undefined => byName.get(name)?.version,
    /** Without epoch and what the distribution appended. */
    upstream: (name: string): string | undefined => upstreamOf(byName.get(name)?.version),
  }
}

/** `1:3.11.2-6+deb12u1` → `3.11.2`; `5:7.0.15-1~deb12u1` → `7.0.15`. */
export const upstreamOf = (version: string | undefined): string | undefined =>
  version === undefined ? undefined : (/^(?:\d+:)?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? version)

export const DPKG_STATUS = '/var/lib/dpkg/status'
export const APK_INSTALLED = '/lib/apk/db/installed'
const RPM_DATABASES = ['/var/lib/rpm', '/usr/lib/sysimage/rpm']

export function managerOf(host: Host): Manager {
  if (host.exists(DPKG_STATUS)) return 'dpkg'
  if (host.exists(APK_INSTALLED)) return 'apk'
  return RPM_DATABASES.some((path) =>
    host.list(path).some((name) => /^(?:rpmdb\.sqlite|Packages(?:\.db)?)$/.test(name)),
  )
    ? 'rpm'
    : 'none'
}

/** rpm is asked while other things are read: call this early, and await it late. */
export async function readPackages(host: Host): Promise<Installed> {
  const manager = managerOf(host)
  if (manager === 'dpkg') return indexPackages(manager, parseDpkg(host.text(DPKG_STATUS, DATABASE_MAX)))
  if (manager === 'apk') return indexPackages(manager, parseApk(host.text(APK_INSTALLED, DATABASE_MAX)))
  return indexPackages(manager, manager === 'rpm' ? parseRpm((await host.run('rpm')) ?? '') : [])
}
