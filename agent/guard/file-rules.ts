// Which files of a host may be read, read as privileged, written: the host owner's `files` in policy.yaml over defaults.
// Pure: asked about the real path that was reached, never about the text that was asked for. Reading and writing import it.
import { normalize } from 'node:path/posix'
import { type Glob, isExact, matchesPath, parseGlob } from './glob.ts'
import { OURS, PERSISTENCE } from './persistence.ts'
import { OF_A_HOME, OF_THE_HOST } from './secret-paths.ts'

/** `normal`: logs and common configuration. `privileged`: what only root reads. `managed`: what may be written or deleted. */
export type Ring = 'normal' | 'privileged' | 'managed'
export type FileRules = Readonly<Record<'read' | 'privileged' | 'managed' | 'scripts' | 'denied', readonly Glob[]>>
export type FileRulesAnswer = { ok: true; rules: FileRules } | { ok: false; why: string }
export type FileRefusal = 'not_allowlisted' | 'secret' | 'denied_by_host' | 'persistence_point' | 'ours'

/** Stands in a list of policy.yaml for all of these; a list without it takes their place. */
export const DEFAULT = 'default'

export const DEFAULT_FILES: Readonly<Record<'read' | 'privileged' | 'managed' | 'scripts', readonly string[]>> = {
  read: [
    '/var/log/**',
    '/etc/*.conf',
    '/etc/*-release',
    '/etc/{hostname,hosts,fstab,crontab,passwd,group,services,timezone,issue,motd,environment,debian_version}',
    '/etc/{nginx,apache2,httpd,caddy,haproxy,traefik,php,mysql,my.cnf.d,postgresql,redis,memcached,rabbitmq,mongod}/**',
    '/etc/{systemd,logrotate.d,cron.d,cron.daily,cron.hourly,cron.weekly,cron.monthly,default,sysconfig,supervisor}/**',
    '/etc/{apt,yum.repos.d,dnf,netplan,network,docker,containers,fail2ban,rsyslog.d,sysctl.d,modprobe.d,tmpfiles.d}/**',
    '/etc/{ld.so.conf.d,profile.d,security/limits.d,ssh/sshd_config.d,letsencrypt/renewal,ssl/certs,chrony}/**',
    '/etc/ssh/{sshd_config,ssh_config}',
    '/etc/security/limits.conf',
    '/{usr/lib,run}/systemd/**',
    '/{srv,opt,var/www}/**',
    // Where links of the above lead: the real path is what counts.
    '/usr/lib/*-release',
    '/run/{resolvconf,NetworkManager}/resolv.conf',
    '/usr/share/{ca-certificates,nginx/modules-available}/**',
  ],
  privileged: [
    '/etc/sudoers',
    '/etc/{sudoers.d,pam.d,audit,security,polkit-1}/**',
    '/root/.ssh/authorized_keys',
    '/home/*/.ssh/authorized_keys',
    '/var/spool/{cron,at}/**',
    '/etc/NetworkManager/**',
  ],
  managed: ['/{srv,opt,var/www}/**', '/etc/{nginx,apache2,httpd,caddy,haproxy}/**', '/var/{log,cache}/**'],
  scripts: ['/usr/local/lib/mttrly-scripts/*'],
}

/** Beyond the secrets that the read lane hides. A secret here covers what lies below it. */
const SECRETS = [
  ...OF_THE_HOST,
  ...OF_A_HOME.map((path) => `/**/${path}`),
  '/etc/ssh/ssh_host_*_key',
  '/etc/{krb5.keytab,security/opasswd,ppp/chap-secrets,ppp/pap-secrets,ipsec.secrets,exim4/passwd.client}',
  '/etc/apt/{auth.conf,auth.conf.d}',
  '/etc/NetworkManager/system-connections',
  '/etc/postfix/sasl_passwd*',
  '/var/backups/{shadow,gshadow}.bak',
  '/var/lib/{mttrly,mttrly-act}',
]
/** In a secret directory and no secret: who may enter. */
const OPEN = ['/**/.ssh/authorized_keys', '/**/.ssh/authorized_keys2']

const KEYS = ['read', 'privileged', 'managed', 'scripts', 'denied'] as const

/** Our own tables may say `{a,b}`; a host's rule may not. */
const braces = (text: string): string[] => {
  const found = /^([^{]*)\{([^}]*)\}(.*)$/.exec(text)
  if (!found) return [text]
  const [, before = '', choices = '', after = ''] = found
  return choices.split(',').flatMap((choice) => braces(`${before}${choice}${after}`))
}
const own = (texts: readonly string[]): Glob[] =>
  texts.flatMap(braces).map((text) => {
    const glob = parseGlob(text)
    if (!glob) throw new Error(`no pattern: ${text}`)
    return glob
  })
const withAllBelow = (globs: readonly Glob[]): Glob[] => globs.map((glob) => [...glob, '**'])

const TABLES = {
  secrets: withAllBelow(own(SECRETS)),
  open: own(OPEN),
  ours: own(OURS),
  persistence: own(PERSISTENCE),
  read: own(DEFAULT_FILES.read),
  privileged: own(DEFAULT_FILES.privileged),
  managed: own(DEFAULT_FILES.managed),
  scripts: own(DEFAULT_FILES.scripts),
}

const isAny = (globs: readonly Glob[], path: string): boolean => globs.some((glob) => matchesPath(glob, path))

/** What `files` of a parsed policy.yaml means; nothing given means the defaults. */
export function compileFileRules(given: unknown): FileRulesAnswer {
  if (given !== undefined && (typeof given !== 'object' || given === null || Array.isArray(given)))
    return { ok: false, why: `files holds ${KEYS.join(', ')}, each a list of paths` }
  const lists = (given ?? {}) as Readonly<Record<string, unknown>>
  const stray = Object.keys(lists).find((key) => !(KEYS as readonly string[]).includes(key))
  if (stray !== undefined) return { ok: false, why: `files knows only ${KEYS.join(', ')}` }
  const { read, privileged, managed, scripts } = TABLES
  const rules = { read, privileged, managed, scripts, denied: [] as Glob[] }
  for (const key of KEYS) {
    if (!Object.hasOwn(lists, key)) continue
    const globs = compileList(lists[key], key === 'denied' ? [] : TABLES[key])
    if (!globs) return { ok: false, why: `files.${key} is a list of absolute paths, with * ? ** as the only wildcards` }
    rules[key] = key === 'denied' ? withAllBelow(globs) : globs
  }
  return { ok: true, rules: Object.freeze(rules) }
}

/** The same with these denied too, each with all below it. @param paths absolute, without wildcards */
export const denying = (rules: FileRules, paths: readonly string[]): FileRules => {
  const globs = paths.map((path) => normalize(path).split('/').filter(Boolean))
  return Object.freeze({ ...rules, denied: [...rules.denied, ...withAllBelow(globs)] })
}

function compileList(list: unknown, standard: readonly Glob[]): Glob[] | undefined {
  if (!Array.isArray(list)) return undefined
  const globs = list.map((text: unknown) => {
    if (text === DEFAULT) return standard
    const glob = typeof text === 'string' ? parseGlob(text) : undefined
    return glob && [glob]
  })
  return globs.includes(undefined) ? undefined : globs.flatMap((some) => some ?? [])
}

/** Why this real path may not be read, if it may not. What may be written may be read. */
export function refuseRead(rules: FileRules, path: string, ring: Exclude<Ring, 'managed'>): FileRefusal | undefined {
  if (isAny(rules.denied, path)) return 'denied_by_host'
  const privileged = ring === 'privileged' && isAny(rules.privileged, path)
  if (isAny(TABLES.secrets, path) && !(privileged && isAny(TABLES.open, path))) return 'secret'
  return privileged || isAny(rules.read, path) || isAny(rules.managed, path) ? undefined : 'not_allowlisted'
}

/** Why what is at this real path may not be run as a script, if it may not. */
export function refuseScript(rules: FileRules, path: string): FileRefusal | undefined {
  if (isAny(rules.denied, path)) return 'denied_by_host'
  if (isAny(TABLES.secrets, path)) return 'secret'
  return isAny(rules.scripts, path) ? undefined : 'not_allowlisted'
}

/** Why this real path may not be written or deleted, if it may not. */
export function refuseWrite(rules: FileRules, path: string): FileRefusal | undefined {
  if (isAny(TABLES.ours, path)) return 'ours'
  if (isAny(rules.denied, path)) return 'denied_by_host'
  const named = rules.managed.some((glob) => isExact(glob) && matchesPath(glob, path))
  if (isAny(TABLES.secrets, path) && !(named && isAny(TABLES.open, path))) return 'secret'
  if (isAny(TABLES.persistence, path) && !named) return 'persistence_point'
  return isAny(rules.managed, path) ? undefined : 'not_allowlisted'
}
