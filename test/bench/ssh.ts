// The peer of what goes through a guest's agent: ssh into the same guest, over a connection that stays open.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Guest } from '../guest/guest.ts'
import { freePort } from '../helpers/free-port.ts'

const run = promisify(execFile)
/** What a client may print. */
const MOST = 64 * 1024 * 1024

/** An sshd in the guest, and a connection to it that stays open. */
export async function startSsh(guest: Guest, cleanup: { after(hook?: unknown): void }) {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-bench-ssh-'))
  cleanup.after(() => rmSync(directory, { recursive: true, force: true }))
  const [key, master, port] = [join(directory, 'key'), join(directory, 'master'), await freePort()]
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  await guest.must(
    'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends openssh-server >/dev/null 2>&1; systemctl disable --now ssh.service ssh.socket 2>/dev/null; mkdir -p /root/.ssh /run/sshd',
  )
  await guest.must('cat >/root/.ssh/authorized_keys', readFileSync(`${key}.pub`, 'utf8'))
  await guest.must(
    `systemd-run --unit=bench-sshd /usr/sbin/sshd -D -p ${port} -o ListenAddress=127.0.0.1 -o MaxSessions=64 -o PasswordAuthentication=no`,
  )
  const ssh = (...words: string[]) =>
    run(
      'ssh',
      [
        ...['-F', 'none', '-S', master, '-p', String(port), '-i', key],
        ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
        ...words,
      ],
      { maxBuffer: MOST },
    )
  const connect = ['-o', 'ConnectionAttempts=20', '-o', 'ControlMaster=yes', '-o', 'ControlPersist=yes']
  await ssh(...connect, '-N', '-f', 'root@127.0.0.1')
  cleanup.after(() => ssh('-O', 'exit', 'root@127.0.0.1'))
  /** Runs a command in the guest, with the start of the client. */
  return (command: string) => ssh('root@127.0.0.1', command)
}
