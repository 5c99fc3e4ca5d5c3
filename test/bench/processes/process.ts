// The processes of a benchmark: each side runs in one of its own, so that nobody's work is counted as another's.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

type Question = { id: number; ask: string; with: unknown }
type Reply = { id: number; value?: unknown; fault?: string }
type Handlers = Record<string, (given: never) => unknown>

/** User and system time of this process so far, in µs. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** In a process of the benchmark: what it can be asked. It ends when nobody asks any more. */
export function answer(handlers: Handlers): void {
  const all: Handlers = { cpu, ...handlers }
  process.on('message', async ({ id, ask, with: given }: Question) => {
    const reply: Reply = { id }
    try {
      reply.value = await all[ask]?.(given as never)
    } catch (error) {
      reply.fault = error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
    process.send?.(reply)
  })
  process.on('disconnect', () => process.exit(0))
}

export type Side = Awaited<ReturnType<typeof startSide>>

/** Starts `processes/<name>.ts`. */
export async function startSide(name: string, args: readonly string[] = [], flags: readonly string[] = []) {
  const entry = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  const child: ChildProcess = fork(entry, [...args], {
    execArgv: [...flags],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, (reply: Reply) => void>()
  let asked = 0
  child.on('message', (reply: Reply) => {
    waiting.get(reply.id)?.(reply)
    waiting.delete(reply.id)
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void ended.then(() => {
    for (const [id, settle] of waiting) settle({ id, fault: `${name} ended` })
  })

  function ask<T = void>(question: string, given?: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const id = ++asked
      waiting.set(id, ({ value, fault }) => (fault ? reject(new Error(fault)) : resolve(value as T)))
      child.send({ id, ask: question, with: given } satisfies Question)
    })
  }

  return {
    pid: child.pid ?? 0,
    ask,
    async end(): Promise<void> {
      if (child.connected) child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(timer)
    },
  }
}
