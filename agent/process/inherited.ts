// Descriptors that whoever started us forgot to mark close-on-exec would reach every program that we start.
import { closeSync, readdirSync, readFileSync } from 'node:fs'

/** O_CLOEXEC as /proc/<pid>/fdinfo prints it (octal; the same on every architecture that Node runs on). */
const CLOSE_ON_EXEC = 0o2000000

const flagsOf = (fd: number): number => {
  try {
    return Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0', 8)
  } catch {
    return CLOSE_ON_EXEC // gone: it was the listing's own
  }
}

/** Closes what was inherited beyond standard input, output and error. Node's own descriptors all close on exec. */
export function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name)
    if (fd > 2 && (flagsOf(fd) & CLOSE_ON_EXEC) === 0) closeSync(fd)
  }
}
