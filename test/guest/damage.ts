// What happens to an installation in real life, as data: updates that go wrong, administrators in a hurry, vandals. Written
// by looking at an installed host, and at nothing that repairs one.

/**
 * What is left to heal it with.
 * `connected`: the link and the lanes work, so Central can ask for a repair.
 * `beyond-repair`: the daemon is connected, and no lane can mend it: dead, or without what it would have to believe.
 * `stranger`: the daemon is there, and root does not know any more whose it is: that takes a token.
 * `cut-off`: the daemon is gone.
 */
export type Left = 'connected' | 'beyond-repair' | 'stranger' | 'cut-off'

export type Damage = {
  readonly name: string
  /** Done as root, in the directory of the version in use. */
  readonly script: string
  readonly left: Left
  /** What anybody who looks for it would have to name. */
  readonly named: RegExp
  /** The lane that it concerns, if it concerns one alone. */
  readonly lane?: 'read' | 'act'
}

const UNITS = '/etc/systemd/system'
const RESTART = 'systemctl daemon-reload; systemctl restart mttrly-agent'
/** A daemon that is to meet its damage, and may fail of it. */
const MEET = 'systemctl reset-failed mttrly-agent 2>/dev/null; systemctl restart mttrly-agent || true; sleep 1'
const dropIn = (directory: string, ...lines: string[]): string =>
  `mkdir -p ${directory} && printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >${directory}/override.conf`

const FILES: readonly Damage[] = [
  { name: 'a program deleted', script: 'rm agent.mjs', left: 'connected', named: /agent\.mjs/ },
  {
    name: 'one byte of a program changed, its size and time kept',
    script:
      't=$(stat -c %Y agent.mjs); printf X | dd of=agent.mjs bs=1 seek=900 conv=notrunc status=none; touch -d "@$t" agent.mjs',
    left: 'connected',
    named: /agent\.mjs/,
  },
  { name: 'a licence text emptied', script: ': >licenses.txt', left: 'connected', named: /licenses\.txt/ },
  {
    name: 'a program of the same content behind a link to a place that others may write to',
    script: 'mkdir -p /srv/there; cp agent.mjs /srv/there/; ln -sf /srv/there/agent.mjs agent.mjs',
    left: 'connected',
    named: /agent\.mjs/,
  },
  {
    name: 'the uninstaller is a directory',
    script: 'rm uninstall.sh; mkdir -p uninstall.sh/of',
    left: 'connected',
    named: /uninstall\.sh/,
  },
  {
    name: 'the native part cut short',
    script: 'truncate -s 1000 pty.node',
    left: 'connected',
    named: /pty\.node/,
  },
  { name: 'programs that anybody may write to', script: 'chmod 0666 *.mjs', left: 'connected', named: /mjs/ },
  {
    name: 'the directory of the version belongs to the daemon',
    script: 'chown mttrly:mttrly .',
    left: 'connected',
    named: /versions\/[0-9.]+/,
  },
  {
    name: 'directories that anybody may write to',
    script: 'chmod 0777 /opt/mttrly /opt/mttrly/versions . units',
    left: 'connected',
    named: /\/opt\/mttrly/,
  },
  {
    name: 'everything given to an ordinary account',
    script: 'useradd visitor 2>/dev/null; chown -R visitor /opt/mttrly',
    left: 'connected',
    named: /\/opt\/mttrly/,
  },
  {
    name: 'a runtime with the set-user-ID bit',
    script: 'chmod 4755 "$(readlink -f node)"',
    left: 'connected',
    named: /runtime|node/,
  },
  {
    name: 'the runtime of a version is another one',
    script: 'mkdir -p /srv/there; cp "$(readlink -f node)" /srv/there/node; ln -sfn /srv/there/node node',
    left: 'connected',
    named: /node/,
  },
  {
    name: 'a program that is not ours among ours',
    script: 'echo "process.exit()" >part-EXTRA000.mjs; mkdir .hidden; echo x >.hidden/x',
    left: 'connected',
    named: /part-EXTRA000|\.hidden/,
  },
  {
    name: 'the manifest edited',
    script: `sed -i '1s/{/{ /' manifest.json`,
    left: 'connected',
    named: /manifest/,
  },
  { name: 'the signature gone', script: 'rm manifest.sig', left: 'connected', named: /manifest/ },
  {
    name: 'the version in use is a copy, not a link',
    script: 'cp -a . /opt/mttrly/copy; rm /opt/mttrly/current; mv /opt/mttrly/copy /opt/mttrly/current',
    left: 'beyond-repair',
    named: /current/,
  },
  {
    name: 'the version in use is a copy somewhere else',
    script:
      'cp -a . /srv/version; ln -sfn "$(readlink -f node)" /srv/version/node; ln -sfn /srv/version /opt/mttrly/current',
    left: 'connected',
    named: /current/,
  },
  {
    name: 'the command line replaced',
    script: String.raw`rm /usr/local/sbin/mttrly-agent; printf '#!/bin/sh\nexec /bin/true\n' >/usr/local/sbin/mttrly-agent; chmod 755 /usr/local/sbin/mttrly-agent`,
    left: 'connected',
    named: /sbin\/mttrly-agent/,
  },
  {
    name: 'the command line deleted',
    script: 'rm /usr/local/sbin/mttrly-agent',
    left: 'connected',
    named: /sbin\/mttrly-agent/,
  },
  { name: 'a lane program emptied', script: ': >lane.mjs', left: 'beyond-repair', named: /lane\.mjs/ },
  { name: 'the runtime deleted', script: 'rm -rf /opt/mttrly/runtime', left: 'beyond-repair', named: /runtime/ },
  {
    name: 'a runtime that cannot be executed',
    script: 'chmod 0644 "$(readlink -f node)"',
    left: 'beyond-repair',
    named: /runtime|node/,
  },
  {
    name: 'the link to the version in use leads nowhere',
    script: 'ln -sfn versions/0.0.1 /opt/mttrly/current',
    left: 'beyond-repair',
    named: /current/,
  },
  { name: 'every program deleted', script: `rm -rf /opt/mttrly; ${MEET}`, left: 'cut-off', named: /opt/ },
  {
    name: 'the version directory gone',
    script: `rm -rf /opt/mttrly/versions; ${MEET}`,
    left: 'cut-off',
    named: /versions/,
  },
  { name: 'the daemon emptied', script: `echo 'throw 1' >agent.mjs; ${MEET}`, left: 'cut-off', named: /agent\.mjs/ },
]

const UNIT_FILES: readonly Damage[] = [
  {
    name: 'the hardening of the daemon taken out',
    script: `sed -i '/^NoNewPrivileges\\|^Protect\\|^SystemCall/d' ${UNITS}/mttrly-agent.service; ${RESTART}`,
    left: 'connected',
    named: /mttrly-agent\.service/,
  },
  {
    name: 'a unit edited, and not read again',
    script: `sed -i 's/^MemoryMax=.*/MemoryMax=2G/' ${UNITS}/mttrly-agent.service`,
    left: 'connected',
    named: /mttrly-agent\.service/,
  },
  {
    name: 'the daemon made root by a drop-in',
    script: `${dropIn(`${UNITS}/mttrly-agent.service.d`, '[Service]', 'User=root', 'Group=root')}; ${RESTART}`,
    left: 'beyond-repair',
    named: /mttrly-agent\.service/,
  },
  {
    name: 'the read lane opened by a drop-in',
    script: `${dropIn(`${UNITS}/mttrly-lane-read@.service.d`, '[Service]', 'ProtectSystem=no', 'ReadOnlyPaths=', 'DynamicUser=no', 'User=root')}; systemctl daemon-reload`,
    left: 'connected',
    named: /mttrly-lane-read@/,
    lane: 'read',
  },
  {
    name: 'a drop-in for all units whose names begin with ours',
    script: `${dropIn(`${UNITS}/mttrly-.service.d`, '[Service]', 'NoNewPrivileges=no', 'LimitCORE=infinity')}; systemctl daemon-reload`,
    left: 'connected',
    named: /mttrly-\.service\.d/,
  },
  {
    name: 'a limit set with systemctl set-property',
    script: 'systemctl set-property mttrly-agent.service TasksMax=4000',
    left: 'connected',
    named: /mttrly-agent\.service/,
  },
  {
    name: 'a drop-in that is gone after a reboot',
    script: `${dropIn('/run/systemd/system/mttrly-lane-act@.service.d', '[Service]', 'Environment=NODE_OPTIONS=--no-warnings')}; systemctl daemon-reload`,
    left: 'connected',
    named: /mttrly-lane-act@/,
    lane: 'act',
  },
  {
    name: 'the door of a lane open to everybody by a drop-in',
    script: `${dropIn(`${UNITS}/mttrly-lane-act.socket.d`, '[Socket]', 'SocketMode=0666')}; systemctl daemon-reload; systemctl restart mttrly-lane-act.socket`,
    left: 'connected',
    named: /mttrly-lane-act\.socket/,
    lane: 'act',
  },
  {
    name: 'a unit of another hand with a name like ours',
    script: `printf '[Service]\\nExecStart=/bin/sleep 10000\\n' >${UNITS}/mttrly-helper.service; systemctl daemon-reload; systemctl start mttrly-helper`,
    left: 'connected',
    named: /mttrly-helper/,
  },
  {
    name: 'a unit file that anybody may write to',
    script: `chmod 0666 ${UNITS}/mttrly-agent.service`,
    left: 'connected',
    named: /mttrly-agent\.service/,
  },
  {
    name: 'a unit file that is a link out of its directory',
    script: `mkdir -p /srv/there; mv ${UNITS}/mttrly-lane-read@.service /srv/there/; ln -s /srv/there/mttrly-lane-read@.service ${UNITS}/; systemctl daemon-reload`,
    left: 'connected',
    named: /mttrly-lane-read@/,
    lane: 'read',
  },
  {
    name: 'the daemon disabled',
    script: 'systemctl disable mttrly-agent',
    left: 'connected',
    named: /mttrly-agent\.service/,
  },
  {
    name: 'the read lane masked',
    script: `systemctl stop mttrly-lane-read.socket; rm ${UNITS}/mttrly-lane-read.socket; systemctl mask mttrly-lane-read.socket`,
    left: 'connected',
    named: /mttrly-lane-read\.socket/,
    lane: 'read',
  },
  {
    name: 'the read lane masked until the next boot',
    script: `systemctl stop mttrly-lane-read.socket; rm ${UNITS}/mttrly-lane-read.socket; systemctl mask --runtime mttrly-lane-read.socket`,
    left: 'connected',
    named: /mttrly-lane-read\.socket/,
    lane: 'read',
  },
  {
    name: 'the unit of the read lane emptied, which masks it',
    script: `: >${UNITS}/mttrly-lane-read@.service; systemctl daemon-reload`,
    left: 'connected',
    named: /mttrly-lane-read@/,
    lane: 'read',
  },
  {
    name: 'the door of the read lane stopped',
    script: 'systemctl stop mttrly-lane-read.socket',
    left: 'connected',
    named: /mttrly-lane-read\.socket/,
    lane: 'read',
  },
  {
    name: 'the door of the read lane stopped and disabled',
    script: 'systemctl disable --now mttrly-lane-read.socket',
    left: 'connected',
    named: /mttrly-lane-read\.socket/,
    lane: 'read',
  },
  {
    name: 'the doors of the lanes disabled, which shows at the next boot',
    script: 'systemctl disable mttrly-lane-read.socket mttrly-lane-act.socket',
    left: 'connected',
    named: /mttrly-lane-(read|act)\.socket/,
  },
  {
    name: 'the file of a socket deleted under a unit that says it listens',
    script: 'rm /run/mttrly/read.sock',
    left: 'connected',
    named: /read\.sock/,
    lane: 'read',
  },
  {
    name: 'the sockets open to everybody',
    script: 'chmod 0666 /run/mttrly/*.sock',
    left: 'connected',
    named: /act\.sock|lane-act\.socket/,
  },
  {
    name: 'the door of the act lane stopped',
    script: 'systemctl stop mttrly-lane-act.socket',
    left: 'beyond-repair',
    named: /mttrly-lane-act\.socket/,
    lane: 'act',
  },
  { name: 'the directory of the sockets removed', script: 'rm -rf /run/mttrly', left: 'beyond-repair', named: /sock/ },
  {
    name: 'the daemon stopped, disabled and masked',
    script: `systemctl disable --now mttrly-agent; rm ${UNITS}/mttrly-agent.service; systemctl mask mttrly-agent`,
    left: 'cut-off',
    named: /mttrly-agent\.service/,
  },
  {
    name: 'every unit deleted',
    script: `systemctl stop mttrly-agent 'mttrly-lane-*.socket'; rm -rf ${UNITS}/mttrly-* ${UNITS}/*.wants/mttrly-*; systemctl daemon-reload`,
    left: 'cut-off',
    named: /mttrly-agent\.service/,
  },
  {
    name: 'the daemon started by something that does not exist',
    script: `${dropIn(`${UNITS}/mttrly-agent.service.d`, '[Service]', 'ExecStart=', 'ExecStart=/opt/nothing')}; systemctl daemon-reload; ${MEET}`,
    left: 'cut-off',
    named: /mttrly-agent\.service/,
  },
]

const ACCOUNTS: readonly Damage[] = [
  {
    name: 'the account in the docker group, which is root',
    script: 'groupadd -f docker; gpasswd -a mttrly docker',
    left: 'connected',
    named: /mttrly|account|user/,
  },
  {
    name: 'the account with a shell, a home and no lock',
    script: `usermod -s /bin/bash mttrly; sed -i 's|^\\(mttrly:.*\\):[^:]*:/bin/bash|\\1:/srv:/bin/bash|' /etc/passwd; usermod -p "$(openssl passwd -6 guess)" mttrly`,
    left: 'connected',
    named: /mttrly|account|user/,
  },
  {
    name: 'the account of another number, its files still of the old one',
    script: `sed -i "s/^mttrly:x:[0-9]*:/mttrly:x:$((4000 + RANDOM % 4000)):/" /etc/passwd`,
    left: 'connected',
    named: /mttrly|account|user/,
  },
  {
    name: 'the account deleted under the running daemon',
    script: 'userdel -f mttrly; groupdel mttrly 2>/dev/null || true',
    left: 'connected',
    named: /mttrly|account|user/,
  },
  {
    name: 'the account deleted, and the daemon started again',
    script: `userdel -f mttrly; groupdel mttrly 2>/dev/null; ${MEET}`,
    left: 'cut-off',
    named: /mttrly|account|user/,
  },
]

const STATE: readonly Damage[] = [
  {
    name: 'the state of root and the daemon readable by everybody',
    script: 'chmod -R a+rX /var/lib/mttrly /var/lib/mttrly-act',
    left: 'connected',
    named: /\/var\/lib\/mttrly/,
  },
  {
    name: 'what root believes belongs to the daemon',
    script: 'chown -R mttrly:mttrly /var/lib/mttrly-act',
    left: 'connected',
    named: /mttrly-act/,
  },
  {
    name: 'the release key gone',
    script: 'rm /var/lib/mttrly-act/release-key.pem',
    left: 'beyond-repair',
    named: /release-key/,
  },
  {
    name: 'the key of the markers gone',
    script: 'rm /var/lib/mttrly-act/host-key',
    left: 'beyond-repair',
    named: /host-key/,
    lane: 'read',
  },
  {
    name: 'the list of what was installed gone',
    script: 'rm /var/lib/mttrly-act/installed.json',
    left: 'connected',
    named: /installed\.json/,
  },
  {
    name: 'the list of what was installed is not one',
    script: 'head -c 2000 /dev/urandom >/var/lib/mttrly-act/installed.json',
    left: 'connected',
    named: /installed\.json/,
  },
  {
    name: 'whom root believes is forgotten',
    script: 'rm /var/lib/mttrly-act/trust.json',
    left: 'stranger',
    named: /trust/,
    lane: 'act',
  },
  {
    name: 'all that root remembers gone',
    script: 'rm -rf /var/lib/mttrly-act',
    left: 'stranger',
    named: /mttrly-act/,
  },
  {
    name: 'the identity emptied',
    script: `: >/var/lib/mttrly/identity.json; ${MEET}`,
    left: 'cut-off',
    named: /identity/,
  },
  {
    name: 'the identity is not one',
    script: `head -c 3000 /dev/urandom >/var/lib/mttrly/identity.json; ${MEET}`,
    left: 'cut-off',
    named: /identity/,
  },
  { name: 'the state deleted', script: `rm -rf /var/lib/mttrly; ${MEET}`, left: 'cut-off', named: /mttrly/ },
  {
    name: 'the journal is a file',
    script: `rm -rf /var/lib/mttrly/journal; echo x >/var/lib/mttrly/journal; ${MEET}`,
    left: 'cut-off',
    named: /journal/,
  },
  {
    name: 'everything of ours deleted but the units',
    script: `rm -rf /opt/mttrly /var/lib/mttrly /var/lib/mttrly-act /etc/mttrly /usr/local/sbin/mttrly-agent; ${MEET}`,
    left: 'cut-off',
    named: /mttrly/,
  },
]

export const DAMAGES: readonly Damage[] = [...FILES, ...UNIT_FILES, ...ACCOUNTS, ...STATE]
