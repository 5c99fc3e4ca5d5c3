// A program on a real terminal, for logins that insist on one.
import { spawn } from 'node-pty'

type Options = { cwd: string; env: NodeJS.ProcessEnv; timeoutMs?: number }

/** What was shown, without the escape sequences that place and colour it. */
const plain = (shown: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escape sequences begin with one.
  shown.replace(/\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b\[[0-9;?]*[ -/]*[@-~]/g, '')

export function openTerminal(file: string, args: string[], { cwd, env, timeoutMs = 60_000 }: Options) {
  const terminal = spawn(file, args, { cwd, env, cols: 4000, rows: 50, name: 'xterm-256color' })
  const ended = Promise.withResolvers<number>()
  let shown = ''
  let look = () => {}
  const timer = setTimeout(() => terminal.kill('SIGKILL'), timeoutMs)
  terminal.onData((data) => {
    shown += data
    look()
  })
  terminal.onExit(({ exitCode }) => {
    clearTimeout(timer)
    ended.resolve(exitCode)
  })

  /** Resolves with the first match of what has been shown. */
  const shows = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      look = () => {
        const match = pattern.exec(plain(shown))
        if (match) resolve(match[1] ?? match[0])
      }
      look()
      ended.promise.then((code) => reject(new Error(`ended with ${code} and had shown:\n${plain(shown)}`)))
    })

  return { shows, type: (text: string) => terminal.write(text), ended: ended.promise, shown: () => plain(shown) }
}
