// Errors that can be told from a configuration as it lies there, without its program: for one that nobody has tried to load yet.
// A file passes unless the error is certain.
import type { Host } from '../reality/host.ts'

export type Fault = { line: number; fault: string }
type Kind = { files: readonly string[]; of?: string; check(text: string): Fault | undefined }

const lineOf = (text: string, at: number): number => text.slice(0, at).split('\n').length

const NGINX_TOKEN = /#[^\n]*|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'|\$\{\w*\}|\\[\s\S]|[{};]|["']/g
/** Lua blocks are another language. */
const NGINX_OTHER = /_by_lua_block\b|\bjs_content\b|\bperl\b/
const NGINX_STARTS =
  /^(?:listen|server_name|root|index|location|proxy_pass|proxy_set_header|return|rewrite|include|ssl_certificate|ssl_certificate_key|access_log|error_log|try_files|server|upstream|worker_processes|user|events|http)\b/

export function nginxFault(text: string): Fault | undefined {
  if (NGINX_OTHER.test(text)) return undefined
  const open: number[] = []
  let end = 0
  let last = ''
  for (const match of text.matchAll(NGINX_TOKEN)) {
    const [token] = match
    if (token === '"' || token === "'")
      return /^\s*$|[\s;({]/.test(text[match.index - 1] ?? ' ')
        ? { line: lineOf(text, match.index), fault: 'a quote that nothing closes' }
        : undefined
    if (token !== '{' && token !== '}' && token !== ';') continue
    const words = text
      .slice(end, match.index)
      .replace(/#[^\n]*/g, '')
      .trim()
    const second = words
      .split('\n')
      .slice(1)
      .map((each) => each.trim())
      .find((each) => NGINX_STARTS.test(each))
    if (second && last !== '')
      return {
        line: lineOf(text, match.index),
        fault: `"${second.split(/\s/)[0]}" begins before the directive above it has ended: a semicolon is missing`,
      }
    if (token === '}' && words !== '')
      return { line: lineOf(text, match.index), fault: `"${words.split(/\s/)[0]}" is not ended by a semicolon` }
    if (token === '{') open.push(match.index)
    if (token === '}' && open.pop() === undefined)
      return { line: lineOf(text, match.index), fault: 'a } that nothing opened' }
    end = match.index + 1
    last = token
  }
  const left = open.at(-1)
  return left === undefined ? undefined : { line: lineOf(text, left), fault: 'a { that nothing closes' }
}

/** man 5 sshd_config, OpenSSH 7 to 10, with what distributions add. */
const SSHD = new Set(
  `acceptenv addressfamily allowagentforwarding allowgroups allowstreamlocalforwarding allowtcpforwarding allowusers authenticationmethods
authorizedkeyscommand authorizedkeyscommanduser authorizedkeysfile authorizedprincipalscommand authorizedprincipalscommanduser
authorizedprincipalsfile banner casignaturealgorithms challengeresponseauthentication channeltimeout chrootdirectory ciphers
clientalivecountmax clientaliveinterval compression debianbanner denygroups denyusers disableforwarding exposeauthinfo
fingerprinthash forcecommand gatewayports gssapiauthentication gssapicleanupcredentials gssapienablek5users gssapikexalgorithms
gssapikeyexchange gssapistorecredentialsonrekey gssapistrictacceptorcheck hostbasedacceptedalgorithms hostbasedacceptedkeytypes
hostbasedauthentication hostbasedusesnamefrompacketonly hostcertificate hostkey hostkeyagent hostkeyalgorithms ignorerhosts
ignoreuserknownhosts include ipqos kbdinteractiveauthentication kerberosauthentication kerberosgetafstoken kerberosorlocalpasswd
kerberosticketcleanup kerberosuniqueccache kerberosusekuserok kexalgorithms keyregenerationinterval listenaddress logingracetime
loglevel logverbose macs match maxauthtries maxsessions maxstartups modulifile nohostauthenticationforlocalhost passwordauthentication
permitemptypasswords permitlisten permitopen permitrootlogin permittty permittunnel permituserenvironment permituserrc
persourcemaxstartups persourcenetblocksize persourcepenalties persourcepenaltyexemptlist pidfile port printlastlog printmotd
protocol pubkeyacceptedalgorithms pubkeyacceptedkeytypes pubkeyauthentication pubkeyauthoptions rdomain refuseconnection rekeylimit
requiredrsasize revokedkeys rhostsrsaauthentication rsaauthentication rsaminsize securitykeyprovider serverkeybits setenv
showpatchlevel sshdauthpath sshdsessionpath skeyauthentication streamlocalbindmask streamlocalbindunlink strictmodes subsystem
syslogfacility tcpkeepalive trustedusercakeys unusedconnectiontimeout usedns uselogin usepam useprivilegeseparation
verifyreversemapping versionaddendum x11displayoffset x11forwarding x11uselocalhost xauthlocation afstokenpassing
dsaauthentication keepalive checkmail pamauthenticationviakbdint`.split(/\s+/),
)

export function sshdFault(text: string): Fault | undefined {
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, word = '', rest = ''] = /^"?([^\s="]+)"?\s*=?\s*(.*)$/.exec(line) ?? []
    if (!SSHD.has(word.toLowerCase())) return { line: i + 1, fault: `"${word}" is no option of sshd` }
    if (rest === '' || rest.startsWith('#')) return { line: i + 1, fault: `"${word}" has no value` }
    if (word.toLowerCase() === 'port' && !/^\d{1,5}\b/.test(rest)) return { line: i + 1, fault: `"${rest}" is no port` }
  }
  return undefined
}

/** man 5 fstab: device, directory, kind, options, and two figures. */
export function fstabFault(text: string): Fault | undefined {
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, place = '', kind, options = '', dump, pass] = line.split(/\s+/)
    if (kind === undefined) return { line: i + 1, fault: 'fewer than three fields' }
    if (!place.startsWith('/') && place !== 'none' && kind !== 'swap')
      return { line: i + 1, fault: `"${place}" is no absolute directory` }
    if ([dump, pass].some((each) => each !== undefined && !/^(?:\d|#)/.test(each)))
      return { line: i + 1, fault: `after the options "${options}" come two figures, or nothing` }
  }
  return undefined
}

const SUDO_STARTS = /^(?:Defaults\b|(?:User|Runas|Host|Cmnd|Cmd)_Alias\b|[@#]include(?:dir)?\b)/

/** man 5 sudoers: what is no setting, alias or include says `who host = …`. */
export function sudoersFault(text: string): Fault | undefined {
  let number = 0
  for (const raw of text.replace(/\\\n/g, ' \u0000').split('\n')) {
    const line = raw.replaceAll('\u0000', '').trim()
    const first = number + 1
    number += 1 + raw.split('\u0000').length - 1
    if (line === '' || (line.startsWith('#') && !/^#include|^#\d/.test(line)) || SUDO_STARTS.test(line)) continue
    if (!line.includes('=')) return { line: first, fault: 'neither a setting nor a rule: there is no "="' }
    const rule = /=\s*(?:\([^)]*\)?\s*)?(.*)$/.exec(line)?.[1] ?? ''
    const tag = /\b(NOPASSWD|PASSWD|NOEXEC|EXEC|SETENV|NOSETENV)\b(?!\s*:)/.exec(rule)?.[1]
    if (tag) return { line: first, fault: `"${tag}" without a colon` }
    if (rule.trim() === '') return { line: first, fault: 'a rule without a command' }
  }
  return undefined
}

export function jsonFault(text: string): Fault | undefined {
  if (text.trim() === '') return undefined
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    const at = Number(/position (\d+)/.exec(String(error))?.[1] ?? 0)
    return { line: lineOf(text, at), fault: 'this is not JSON' }
  }
}

/** Units of systemd: a line is a comment, a section, or an assignment. */
export function unitFault(text: string): Fault | undefined {
  let inSection = false
  for (const [i, raw] of text.replace(/\\\n/g, '  ').split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    if (/^\[[^\]]+\]$/.test(line)) inSection = true
    else if (line.startsWith('[')) return { line: i + 1, fault: `"${line}" is no section` }
    else if (!inSection) return { line: i + 1, fault: 'an assignment before any section' }
    else if (!line.includes('=')) return { line: i + 1, fault: `"${line.slice(0, 60)}" assigns nothing` }
  }
  return undefined
}

const KINDS: readonly Kind[] = [
  {
    files: ['/etc/nginx/nginx.conf', '/etc/nginx/conf.d/*.conf', '/etc/nginx/sites-enabled/*'],
    of: 'nginx.service',
    check: nginxFault,
  },
  { files: ['/etc/ssh/sshd_config', '/etc/ssh/sshd_config.d/*.conf'], of: 'ssh.service', check: sshdFault },
  { files: ['/etc/fstab'], check: fstabFault },
  { files: ['/etc/sudoers', '/etc/sudoers.d/*'], check: sudoersFault },
  { files: ['/etc/docker/daemon.json'], of: 'docker.service', check: jsonFault },
  {
    files: [
      '/etc/systemd/system/*.service',
      '/etc/systemd/system/*.timer',
      '/etc/systemd/system/*.socket',
      '/etc/systemd/system/*.mount',
      '/etc/systemd/system/*.d/*.conf',
    ],
    check: unitFault,
  },
]
const FILE_MAX = 256 * 1024
/** What run-parts and sudo pass over. */
const PASSED_OVER = /~$|\.(?:bak|dpkg-\w+|rpm\w+|swp|orig|save)$/

export function faultsOf(host: Host): (Fault & { path: string; of?: string })[] {
  return KINDS.flatMap(({ files, of, check }) =>
    files.flatMap((pattern) =>
      host.glob(pattern).flatMap((path) => {
        if (PASSED_OVER.test(path) || (path.startsWith('/etc/sudoers.d/') && path.slice(15).includes('.'))) return []
        const fault = check(host.text(path, FILE_MAX))
        const unit =
          of ??
          (path.startsWith('/etc/systemd/')
            ? (/\/([^/]+\.(?:service|timer|socket|mount))(?:$|\.d\/)/.exec(path)?.[1] ?? path)
            : undefined)
        return fault ? [{ ...fault, path, ...(unit && { of: unit }) }] : []
      }),
    ),
  )
}
