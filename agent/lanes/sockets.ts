// A lane behind its socket: systemd accepts the connection and starts the lane's unit with it (man 5 systemd.socket,
// Accept=yes). To the daemon it is a companion whose process is somebody else's.
import { connect } from 'node:net'
import { join } from 'node:path'
import type { LaneName } from '../guard/policy.ts'
import type { Companion } from '../process/spawn.ts'

export const connectLane =
  (directory: string) =>
  (lane: LaneName): Companion => {
    const socket = connect({ path: join(directory, `${lane}.sock`) })
    socket.on('error', () => {}) // whoever reads from it is told; `ended` tells the others
    const ended = new Promise<{ exitCode: number; signal: string }>((resolve) => {
      socket.once('close', () => resolve({ exitCode: 0, signal: '' }))
    })
    return { pid: 0, input: socket, output: socket, ended, kill: () => socket.destroy() }
  }
