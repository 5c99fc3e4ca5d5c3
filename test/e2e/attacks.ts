// What a read-only command must not be able to do, as data: shell lines against targets that a test has made for them.
// Every one of them works where nothing holds it; the test shows that, too.

export type Targets = {
  /** A directory and a file in it that everybody may write to. */
  directory: string
  file: string
  /** A process that lives as long as the test. */
  pid: number
  tcpPort: number
  udpPort: number
  /** Listening sockets: one with a path, as those of D-Bus and Docker, and one without. */
  socket: string
  abstract: string
  /** A JavaScript runtime that can be started from inside. */
  runtime: string
}

export type Attack = { name: string; line: (targets: Targets) => string }

const script = ({ runtime }: Targets, source: string): string => `${runtime} -e '${source}'`

const connect = (targets: Targets, to: string): string =>
  script(
    targets,
    `const s = require("net").connect(${to}, () => { s.end("x"); process.exit(0) }); s.on("error", (e) => { console.log(e.code); process.exit(1) })`,
  )

/** Each changes something that can be seen from outside. */
export const ATTACKS: readonly Attack[] = [
  { name: 'append to a file', line: ({ file }) => `echo evil >> ${file}` },
  { name: 'empty a file', line: ({ file }) => `: > ${file}` },
  { name: 'remove a file', line: ({ file }) => `rm -f ${file}` },
  { name: 'rename a file', line: ({ file }) => `mv ${file} ${file}.moved` },
  { name: 'link a file', line: ({ file }) => `ln ${file} ${file}.link` },
  { name: 'make a symbolic link', line: ({ directory }) => `ln -s /etc/passwd ${directory}/symbolic` },
  { name: 'make a file', line: ({ directory }) => `touch ${directory}/made` },
  { name: 'make a directory', line: ({ directory }) => `mkdir ${directory}/made` },
  { name: 'make a pipe', line: ({ directory }) => `mkfifo ${directory}/made` },
  { name: 'copy into a directory', line: ({ directory }) => `cp /etc/hostname ${directory}/copied` },
  { name: 'touch a file', line: ({ file }) => `touch -d 2001-01-01 ${file}` },
  { name: 'edit in place', line: ({ file }) => `sed -i s/kept/lost/ ${file}` },
  { name: 'write by dd', line: ({ file }) => `dd if=/dev/zero of=${file} bs=1 count=3 conv=notrunc` },
  { name: 'write by tee', line: ({ file }) => `echo evil | tee ${file}` },
  { name: 'write through /proc', line: ({ file }) => `echo evil > /proc/self/root${file}` },
  { name: 'write by a script', line: (all) => script(all, `require("fs").writeFileSync("${all.file}", "evil")`) },
  {
    name: 'write in the background',
    line: ({ file }) => `(setsid sh -c 'sleep 0.2; echo evil >> ${file}' &) ; sleep 0.5`,
  },
  { name: 'write to a process', line: ({ pid }) => `echo 900 > /proc/${pid}/oom_score_adj` },
  { name: 'end a process', line: ({ pid }) => `kill -9 ${pid}` },
  { name: 'stop a process', line: ({ pid }) => `kill -STOP ${pid}` },
  { name: 'end a process by a script', line: (all) => script(all, `process.kill(${all.pid}, "SIGKILL")`) },
  { name: 'slow a process down', line: ({ pid }) => `renice -n 19 -p ${pid}` },
  { name: 'limit a process', line: ({ pid }) => `prlimit --pid ${pid} --nofile=7:7` },
  { name: 'connect by TCP', line: ({ tcpPort }) => `bash -c 'echo x > /dev/tcp/127.0.0.1/${tcpPort}'` },
  { name: 'send by UDP', line: ({ udpPort }) => `bash -c 'echo x > /dev/udp/127.0.0.1/${udpPort}'` },
  { name: 'connect to a socket', line: (all) => connect(all, `{ path: "${all.socket}" }`) },
  { name: 'connect to an abstract socket', line: (all) => connect(all, `{ path: "\\x00${all.abstract}" }`) },
]

/** Where programs leave things on a host. Each is tried with a name of its own; the lane's scratch place is not the host's. */
export const PLACES = [
  '/',
  '/bin',
  '/boot',
  '/dev',
  '/dev/shm',
  '/etc',
  '/etc/cron.d',
  '/etc/profile.d',
  '/home',
  '/lib',
  '/mnt',
  '/opt',
  '/proc',
  '/root',
  '/root/.ssh',
  '/run',
  '/run/lock',
  '/srv',
  '/sys',
  '/sys/fs/cgroup',
  '/tmp',
  '/usr/local/bin',
  '/var/lib',
  '/var/log',
  '/var/spool/cron',
  '/var/tmp',
] as const

/** Ways out of the sandbox: whatever they print, they must fail. */
export const ESCAPES: readonly string[] = [
  'mount -t tmpfs tmpfs /mnt',
  'mount -o remount,rw /',
  'mount --bind /tmp /mnt',
  'umount /proc',
  'unshare -r true',
  'unshare -U true',
  'unshare -m true',
  'nsenter -t 1 -m true',
  'chroot / true',
  'mknod /dev/shm/disk b 8 0 && head -c1 /dev/shm/disk',
  'echo 1 > /proc/sys/kernel/core_uses_pid',
  'echo 1 > /sys/kernel/profiling',
  'hostname changed-by-a-test',
  'setpriv --reuid=0 true',
  'sysctl -w kernel.core_uses_pid=1',
  'dmesg -C',
  'date -s 2001-01-01',
  'ip link set lo down',
  'ip address add 192.0.2.1/32 dev lo',
  'iptables -F OUTPUT_of_a_test',
]
