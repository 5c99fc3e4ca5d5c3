// An end that comes whatever this process does: a read of /proc can wait in the kernel for as long as a disk is away, and
// then no timer of its own runs.
import { spawn } from 'node:child_process'

/** Kills this process after so many seconds; what waits for that ends with its unit. */
export function endAfter(seconds: number): void {
  const line = `sleep ${seconds}; kill -KILL ${process.pid}`
  spawn('/bin/sh', ['-c', line], { stdio: 'ignore', env: {}, detached: true }).unref()
}
