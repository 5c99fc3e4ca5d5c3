// Attack class B: what is tried to read or write a file that is not to be read or written. `HOSTILE_FILES` lays the traps below $R, a
// host's root or a directory that stands in for one; `MOUNTS` those that only a host of its own can have.
import type { Attack } from './attack.ts'

export const HOSTILE_FILES = `
  mkdir -p $R/etc/ssl/private $R/root/.ssh $R/home/bob/.ssh $R/home/bob/.aws $R/var/log/app $R/srv/app/deep $R/srv/race/a $R/etc/cron.d
  echo 'KEPT' | tee $R/etc/ssl/private/kept $R/root/.ssh/id_kept $R/home/bob/.ssh/id_kept $R/home/bob/.aws/credentials >/dev/null
  echo 'KEPT' >$R/srv/outside; mkdir -p $R/var/logs $R/etc/nginx-private; echo 'KEPT' | tee $R/var/logs/x $R/etc/nginx-private/x >/dev/null
  echo ordinary | tee $R/srv/app/file $R/srv/race/a/file $R/srv/race/file >/dev/null
  ln -s /etc/ssl/private/kept $R/srv/app/leaf; ln -s ../../etc/ssl/private/kept $R/srv/app/relative
  ln -s /etc/ssl/private $R/srv/app/parent; ln -s parent $R/srv/app/grandparent; ln -s leaf $R/srv/app/to-leaf
  ln -s /srv/app/loop-b $R/srv/app/loop-a; ln -s /srv/app/loop-a $R/srv/app/loop-b; ln -s /home/bob $R/srv/app/home
  ln -s /proc/self/root/etc/ssl/private/kept $R/srv/app/by-proc; ln -s /dev/stdin $R/srv/app/stdin; ln -s /etc/cron.d $R/srv/app/cron
  ln -s /proc/self/cwd $R/srv/app/cwd; ln -s /proc/1/environ $R/srv/app/environ; ln -s // $R/srv/app/root; chown 1234 $R/srv/race; ln $R/etc/ssl/private/kept $R/srv/race/hard
  mkfifo $R/srv/app/pipe $R/var/log/app/pipe; truncate -s 2T $R/var/log/app/sparse; ln -s pipe $R/srv/app/to-pipe; mkdir -p $R/srv/app/is-a-directory
  head -c 3000000 /dev/zero | tr '\\0' a >$R/var/log/app/one-line; printf 'a%.0s' $(seq 3000) >$R/var/log/app/aaa
  seq -f 'GET /%g 200 flood' 200000 >$R/var/log/app/flood; for n in $(seq 300); do echo needle >$R/srv/app/deep/$n; done
`
export const MOUNTS = `
  mkdir -p /srv/app/bound /srv/app/keys /srv/app/kernel; mount --bind /etc/ssl /srv/app/bound; mount --bind /root/.ssh /srv/app/keys
  mount --bind /proc/1 /srv/app/kernel; mknod /srv/app/zero c 1 5; mknod /srv/app/disk b 8 0
`

/** Commands that read what no tool would. */
const WALKED_AROUND: Readonly<Record<string, string>> = {
  'a date of a file': 'date --reference KEPTFILE --file=KEPTFILE',
  'names of files to be typed': 'file --files-f KEPTFILE',
  'a magic of its own': 'file -bm KEPTFILE /etc/hosts',
  'the other side of a diff': 'diff --to-file=KEPTFILE /dev/null',
  'the first side of a diff': 'diff --from-file /dev/null KEPTFILE',
  'a diff beside git': 'git diff --no-index /dev/null KEPTFILE',
  'an include of git': 'git -c include.path=KEPTFILE config --list',
  'blame outside of a tree': 'git blame --contents KEPTFILE x',
  'a key to be shown': 'openssl x509 -in KEPTFILE -text',
  'a key as a password': 'openssl enc -aes-256-cbc -kfile KEPTFILE',
  'a request from a file': 'curl --config KEPTFILE',
  'a page from a file': 'curl -s file://KEPTFILE',
  'a batch of ip': 'ip -force -batch KEPTFILE',
  'a filter of ss': 'ss -F KEPTFILE',
  'settings to be loaded': 'sysctl -e --load KEPTFILE',
  'a list to be sorted': 'sort --files0-from=KEPTFILE',
  'a list to be found below': 'find -files0-from KEPTFILE',
  'a random source': 'sort -R --random-source=KEPTFILE /etc/hosts',
  'a pattern file': 'grep --file KEPTFILE -v /etc/hosts',
  'an exclusion file': 'grep -r --exclude-from=KEPTFILE x /var/log',
  'a shell that complains': 'sh KEPTFILE',
  'a script of awk': 'awk -f KEPTFILE',
  'a script of sed': 'sed -nf KEPTFILE /etc/hosts',
  'a script of bc': 'bc KEPTFILE',
  'words of xargs': 'xargs --arg-file=KEPTFILE echo',
  'an argument of perl': 'perl -pe 1 KEPTFILE',
  'an archive to be listed': 'tar --files-from=KEPTFILE -tf /dev/null',
  'a page of a manual': 'man --local-file KEPTFILE',
  'a page of less': 'less -F KEPTFILE',
  'a number of lines': 'wc --files0-from KEPTFILE',
  'a sum to be checked': 'sha512sum --check --warn KEPTFILE',
  'hosts to be asked': 'ssh-keygen -lf KEPTFILE',
  'a key ring': 'gpg --no-default-keyring --keyring KEPTFILE --list-keys',
  'a host’s own file system from process 1': 'cat /proc/1/root/KEPTFILE',
  'a thread’s root': 'cat /proc/self/task/../root/KEPTFILE',
  'environments by BSD letters': 'ps ewwo pid,args',
  'environments of all': 'cat /proc/[0-9]*/environ',
  'an environment by its thread': 'sort -z /proc/1/task/1/environ',
  'memory of the kernel': 'strings /proc/kcore',
  'memory of a process': 'tail -n 1 /proc/1/mem',
  'a raw disk': 'head -n 1 /dev/disk/by-id/x',
  'a unit’s credentials': 'systemd-creds cat kept',
  'a mount of its own': 'findmnt --tab-file KEPTFILE',
  'accounts of another root': 'lastlog --root /srv/app',
  'a capital in a secret’s name': 'cat /srv/tls/Server.PEM',
  'a quoted half of a path': "head -n 5 /etc/ss'l'/private/kept",
  'a path that leaves and comes back': 'tail -n 5 /etc/nginx/../ssl/private/kept',
  'a pattern over a parent': 'cat /etc/s?l/private/kept',
  'a pattern over a leaf': 'head /etc/ssl/privat[e]/k*',
  'everything below': 'grep -rh . /etc/ssl',
}

/** A path that leads, or seems to lead, to what no rule opens. Every door is tried. */
const PATHS: Readonly<Record<string, string>> = {
  'a link as leaf': '/srv/app/leaf',
  'a relative link': '/srv/app/relative',
  'a link as parent': '/srv/app/parent/kept',
  'a link to a link as parent': '/srv/app/grandparent/kept',
  'a link to a link': '/srv/app/to-leaf',
  'links in a circle': '/srv/app/loop-a',
  'a link to a home, and into it': '/srv/app/home/.ssh/id_kept',
  'a link through proc': '/srv/app/by-proc',
  'a link to a descriptor': '/srv/app/stdin',
  'a link to the directory of the lane': '/srv/app/cwd/etc/ssl/private/kept',
  'a link to an environment': '/srv/app/environ',
  'a link to the root with two slashes': '/srv/app/root/etc/ssl/private/kept',
  'a hard link where another account may write': '/srv/race/hard',
  'a neighbour with the same beginning': '/var/logs/x',
  'a neighbour of a directory that is open': '/etc/nginx-private/x',
  'parents of a directory that is open': '/var/log/../../etc/ssl/private/kept',
  'a parent at the end': '/srv/app/deep/..',
  'dots that are no parents': '/srv/app/.../../../etc/ssl/private/kept',
  'slashes without end': '/////etc///ssl//private////kept',
  'a single dot between': '/etc/./ssl/./private/./kept',
  'a null byte': '/srv/app/file\0/../../../etc/ssl/private/kept',
  'a line end': '/srv/app/file\n/etc/ssl/private/kept',
  'an encoded parent': '/srv/app/%2e%2e/%2e%2e/etc/ssl/private/kept',
  'a tilde': '/srv/~root/.ssh/id_kept',
  'a slash at the end of a file': '/etc/ssl/private/kept/',
  'a path of the kernel': '/proc/self/root/etc/ssl/private/kept',
  'the environment of a thread': '/proc/thread-self/environ',
  'a descriptor of the lane': '/proc/self/fd/0',
  'the memory of the kernel': '/proc/kcore',
  'a device': '/dev/mem',
  'a look-alike of a slash': '/srv\u2215app/\u2024\u2024/kept',
  'credentials in a home': '/home/bob/.aws/credentials',
  'our own state': '/var/lib/mttrly/identity.json',
  'a path longer than any': `/srv/${'x/'.repeat(2100)}file`,
}
/** Beside these on a host with mounts of its own. */
const MOUNTED: Readonly<Record<string, string>> = {
  'a bind mount of a parent': '/srv/app/bound/private/kept',
  'a bind mount of a directory of keys': '/srv/app/keys/id_kept',
  'a bind mount of the kernel’s': '/srv/app/kernel/environ',
  'a character device': '/srv/app/zero',
  'a block device': '/srv/app/disk',
}
const DOORS: Readonly<Record<string, (path: string) => Record<string, unknown>>> = {
  read_file: (path) => ({ path }),
  read_privileged_file: (path) => ({ path }),
  search_files: (path) => ({ path, query: 'told' }),
  diff_file: (path) => ({ from_path: '/srv/app/file', to_path: path }),
  compare_source_to_dist: (path) => ({ source_path: path, dist_path: '/srv/app/deep' }),
  write_file: (path) => ({ path, content_base64: '' }),
  cleanup_file: (path) => ({ path }),
}

/** What is no ordinary file, or does not stay one. */
const ODD: Readonly<Record<string, readonly [tool: string, args: Record<string, unknown>]>> = {
  'a FIFO is read': ['read_file', { path: '/srv/app/pipe' }],
  'a FIFO among logs is searched': ['search_files', { path: '/var/log/app/pipe', query: 'x' }],
  'a FIFO is compared': ['diff_file', { from_path: '/srv/app/file', to_path: '/srv/app/to-pipe' }],
  'a FIFO is written over': ['write_file', { path: '/srv/app/pipe', content_base64: 'eA==' }],
  'a directory is written over': ['write_file', { path: '/srv/app/is-a-directory', content_base64: 'eA==' }],
  'the end of a sparse file of 2 TB': ['read_file', { path: '/var/log/app/sparse', lines: 10 }],
  'the beginning of it': ['read_file', { path: '/var/log/app/sparse', lines: 10, from: 'head' }],
  'a search through it': ['search_files', { path: '/var/log/app/sparse', query: 'x' }],
  'a difference from it': ['diff_file', { from_path: '/var/log/app/sparse', to_path: '/srv/app/file' }],
  'a line that never ends': ['read_file', { path: '/var/log/app/one-line', lines: 1 }],
  'a file that is not there': ['read_file', { path: '/var/log/app/gone' }],
}

const SEARCHES: Readonly<Record<string, Record<string, unknown>>> = {
  'a glob that doubles with each letter': { path: '/var/log', query: 'x', glob: `${'*a'.repeat(120)}b` },
  'a glob of question marks and stars': { path: '/var/log', query: 'x', glob: '*?'.repeat(120) },
  'a needle that nearly matches everywhere': { path: '/var/log/app', query: `${'a'.repeat(250)}b` },
  'a needle that would be a pattern': { path: '/var/log/app', query: '(a+)+$' },
  'a needle of one letter in a flood': { path: '/var/log/app', query: 'G', max_results: 200 },
  'a whole host': { path: '/', query: 'told to nobody' },
  'a whole host by a glob': { path: '/', query: 'ordinary', glob: '**/**' },
  'all that the kernel tells': { path: '/proc', query: 'a' },
  'many small files': { path: '/srv/app/deep', query: 'needle', max_results: 200 },
}

/** Where something would be run or believed later, in spellings of its own. */
const FOOTHOLDS = [
  '/root/.ssh/authorized_keys',
  '/home/bob/.ssh/authorized_keys2',
  '/home/bob/.ssh/rc',
  '/etc/cron.hourly/x',
  '/etc/cron.d/x',
  '/var/spool/cron/crontabs/root',
  '/etc/systemd/system/multi-user.target.wants/x.service',
  '/etc/systemd/system/ssh.service.d/x.conf',
  '/usr/lib/systemd/system-generators/x',
  '/etc/tmpfiles.d/x.conf',
  '/etc/sudoers.d/90-x',
  '/etc/pam.d/sshd',
  '/etc/ld.so.preload',
  '/etc/ld.so.conf.d/x.conf',
  '/etc/profile.d/x.sh',
  '/etc/bash.bashrc',
  '/etc/logrotate.d/x',
  '/etc/apt/apt.conf.d/x',
  '/etc/udev/rules.d/x.rules',
  '/etc/NetworkManager/dispatcher.d/x',
  '/etc/update-motd.d/x',
  '/etc/modprobe.d/x.conf',
  '/etc/sysctl.d/x.conf',
  '/etc/polkit-1/rules.d/x.rules',
  '/etc/mttrly/policy.yaml',
  '/etc/mttrly/../mttrly/policy.yaml',
  '/opt/mttrly/current/agent.mjs',
  '/etc/systemd/system/mttrly-agent.service.d/x.conf',
  '/srv/app/cron/x',
  '/srv/app/.git/hooks/post-checkout',
  '/srv/app/.git/config',
  '/srv/app/../../etc/cron.d/x',
  '/var/log/../../etc/ld.so.preload',
  '/usr/local/bin/x',
  '/proc/sys/kernel/core_pattern',
  '/dev/shm/x',
]

/** Through these a file is asked for while `SWAPS` go on, one after another and over again. */
export const RACES: readonly Attack[] = [
  ['read_file', { path: '/srv/race/file' }],
  ['read_file', { path: '/srv/race/a/file' }],
  ['search_files', { path: '/srv/race', query: 'told' }],
  ['diff_file', { from_path: '/srv/app/file', to_path: '/srv/race/file' }],
  ['compare_source_to_dist', { source_path: '/srv/race/a', dist_path: '/srv/app/deep' }],
  ['write_file', { path: '/srv/race/a/new', content_base64: 'eA==' }],
  ['cleanup_file', { path: '/srv/race/a/kept' }],
].map(([tool, args], at) => ({ id: 'B3', name: `${at}: ${tool}`, tool, args, holds: 'silent' }) as Attack)
export const SWAPS = `
  ln -sf /etc/ssl/private/kept $R/srv/race/link; mv -T $R/srv/race/link $R/srv/race/file; echo ordinary >$R/srv/race/plain; mv -T $R/srv/race/plain $R/srv/race/file
  mv -T $R/srv/race/a $R/srv/race/b; ln -s /etc/ssl/private $R/srv/race/a; rm $R/srv/race/a; mv -T $R/srv/race/b $R/srv/race/a
  rm -f $R/srv/race/file; ln $R/etc/ssl/private/kept $R/srv/race/file; rm -f $R/srv/race/file; mkfifo $R/srv/race/file; rm -f $R/srv/race/file; echo ordinary >$R/srv/race/file
`

const ofPaths = (paths: Readonly<Record<string, string>>): Attack[] =>
  Object.entries(paths).flatMap(([name, path]) =>
    Object.entries(DOORS).map(([tool, args]): Attack => {
      const row = { id: 'B2', name: `${name}: ${tool}`, tool, args: args(path) }
      return { ...row, holds: 'refused' }
    }),
  )

export const MOUNTED_ATTACKS: readonly Attack[] = ofPaths(MOUNTED)
export const FILE_ATTACKS: readonly Attack[] = [
  ...Object.entries(WALKED_AROUND).map(
    ([name, command]): Attack => ({ id: 'B1', name, tool: 'execute_command', args: { command }, holds: 'asked' }),
  ),
  ...ofPaths(PATHS),
  ...Object.entries(ODD).map(([name, [tool, args]]): Attack => ({ id: 'B4', name, tool, args, holds: 'silent' })),
  ...Object.entries(SEARCHES).map(
    ([name, args]): Attack => ({ id: 'B5', name, tool: 'search_files', args, holds: 'silent' }),
  ),
  ...FOOTHOLDS.flatMap((path) =>
    ['write_file', 'cleanup_file'].map((tool): Attack => {
      const args = { path, ...(tool === 'write_file' && { content_base64: 'eA==' }) }
      return { id: 'B6', name: `${tool} ${path}`, tool, args, holds: 'refused' }
    }),
  ),
]
