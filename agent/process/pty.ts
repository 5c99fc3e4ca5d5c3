// A terminal for a run that wants one. node-pty is loaded only here and only then.
import type { Ended, Started } from './spawn.ts'

const COLUMNS = 120
const ROWS = 40
const SIGNAL_NAMES = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
}

/** Starts a program on a terminal of its own, as leader of its own session. */
export async function startOnTerminal(
  program: { argv: readonly string[]; cwd: string; env: Record<string, string> },
  onOutput: (chunk: Buffer) => Promise<void>,
): Promise<Started> {
  const { default: pty } = await import('node-pty')
  const [command = '', ...args] = program.argv
  const terminal = pty.spawn(command, args, {
    cols: COLUMNS,
    rows: ROWS,
    cwd: program.cwd,
    env: program.env,
    encoding: null,
  })
  let sinking = Promise.resolve()
  // With encoding null the data are Buffers, whatever the type says.
  terminal.onData((data: unknown) => {
    terminal.pause()
    sinking = sinking.then(() => onOutput(Buffer.from(data as Buffer))).finally(() => terminal.resume())
  })
  const ended = new Promise<Ended>((resolve) => {
    terminal.onExit(({ exitCode, signal }) =>
      resolve(
        signal
          ? { exitCode: 0, signal: SIGNAL_NAMES[signal as keyof typeof SIGNAL_NAMES] ?? `SIG${signal}` }
          : { exitCode, signal: '' },
      ),
    )
  })
  return { pid: terminal.pid, ended, drain: () => sinking }
}
