// A program on a real terminal, for logins that insist on one.
import type { TestContext } from 'node:test'
import { spawn } from 'node-pty'

type Options = { cwd: string; env: NodeJS.ProcessEnv }

/** What was shown, without the escape sequences that place and colour it. */
const plain = (shown: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escape sequences begin with one.
  shown.replace(/\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b\[[0-9;?]*[ -/]*[@-~]/g, '')

export function openTerminal(t: Pick<TestContext, 'after'>, file: string, args: string[], { cwd, env }: Options) {
  const terminal = spawn(file, args, { cwd, env, cols: 4000, rows: 50, name: 'xterm-256color' })
  const ended = Promise.withResolvers<number>()
  let shown = ''
  let look = () => {}
  let running = true
  t.after(() => running && terminal.kill('SIGKILL'))
  terminal.onData((data) => {
    shown += data
    look()
  })
  terminal.onExit(({ exitCode }) => {
    running = false
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
