// The processes of a benchmark: each side runs in one of its own, so that nobody's work is counted as another's.
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Question = { id: number; ask: string; with: unknown }
type Reply = { id: number; value?: unknown; fault?: string }
type Handlers = Record<string, (given: never) => unknown>

/** User and system time of this process so far, in µs. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Bytes of this process's memory after two collections (proc(5), smaps_rollup); needs --expose-gc. */
function memory(): ReturnType<typeof memoryOf> {
  globalThis.gc?.()
  globalThis.gc?.()
  return memoryOf('self')
}

/** Bytes: resident; what is its own alone; and of that what it has changed, so that the kernel cannot take it back. */
export function memoryOf(pid: number | 'self'): { rss: number; private: number; changed: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
  const changed = kib('Private_Dirty')
  return { rss: kib('Rss'), private: kib('Private_Clean') + changed, changed }
}

/** In a process of the benchmark: what it can be asked. It ends when nobody asks any more. */
export function answer(handlers: Handlers): void {
  const all: Handlers = { cpu, memory, ...handlers }
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
