// Starts programs: the only room that may (agent/process). A program gets its own session, a clean environment, no
// descriptor but those named here, and one pipe for both of its outputs, so that they arrive in the order written.
import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { openPipe, openScratchFile } from './scratch.ts'

export type Ended = { exitCode: number; signal: string }
export type Started = {
  pid: number
  ended: Promise<Ended>
  /** After the end: what is still in the pipe, handed on. Then nothing more is read, whoever still holds the other end. */
  drain(): Promise<void>
}

export type Program = {
  argv: readonly string[]
  cwd: string
  env: Record<string, string>
  /** Descriptors handed to the child as 3, 4, …; closed here once it has them. */
  inherit?: number[]
  /** Its standard input, whole; without it there is none. */
  input?: Buffer | undefined
  /** The uid that the program will have, when it is not ours. */
  owner?: number
  /** A pipe for its output that was made before. */
  pipe?: { read: number; write: number }
}

/** How long a pipe may stay silent after the end of its program before it counts as empty. */
const SILENCE_MS = 30

/**
 * Starts a program whose output goes to `onOutput`; the next piece is read when its promise has resolved, so a slow
 * taker stops the program and not this process's memory.
 * @throws the spawn error (ENOENT, EACCES, E2BIG …) when nothing was started
 */
export async function start(program: Program, onOutput: (chunk: Buffer) => Promise<void>): Promise<Started> {
  const [command = '', ...args] = program.argv
  const pipe = program.pipe ?? openPipe(program.owner)
  const inherit = program.inherit ?? []
  const input = program.input && openScratchFile(program.input)
  const child = spawn(command, args, {
    cwd: program.cwd,
    env: program.env,
    detached: true,
    stdio: [input ?? 'ignore', pipe.write, pipe.write, ...inherit],
  })
  for (const fd of [pipe.write, ...inherit, ...(input === undefined ? [] : [input])]) closeSync(fd)
  const output = new Socket({ fd: pipe.read, readable: true, writable: false })
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => resolve({ exitCode: code ?? 0, signal: signal ?? '' }))
  })
  try {
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  } catch (error) {
    output.destroy()
    throw error
  }
  return { pid: child.pid ?? 0, ended, drain: pump(output, onOutput) }
}

/** Reads on until the end of the pipe, or, once drained, until it is silent. */
function pump(output: Socket, onOutput: (chunk: Buffer) => Promise<void>): () => Promise<void> {
  let pieces = 0
  let sinking = false
  const over = (async () => {
    try {
      for await (const chunk of output) {
        pieces += 1
        sinking = true
        await onOutput(chunk as Buffer)
        sinking = false
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
    }
  })()
  over.catch(() => {}) // reported by drain
  return async () => {
    for (let before = -1; before !== pieces || sinking; ) {
      before = pieces
      const done = await Promise.race([over.then(() => true), delay(SILENCE_MS, false, { ref: false })])
      if (done) return
    }
    output.destroy()
    await over
  }
}

export type Companion = { pid: number; input: Writable; output: Readable; ended: Promise<Ended>; kill(): void }

/** A process of our own program that is talked to over its standard input and output; it has its own session. */
export function startCompanion(argv: readonly string[], env: Record<string, string>): Companion {
  const [command = '', ...args] = argv
  const child = spawn(command, args, { cwd: '/', env, detached: true, stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => resolve({ exitCode: code ?? 0, signal: signal ?? '' }))
    child.once('error', () => resolve({ exitCode: 127, signal: '' }))
  })
  child.stdin.on('error', () => {}) // it has ended: `ended` tells
  return { pid: child.pid ?? 0, input: child.stdin, output: child.stdout, ended, kill: () => child.kill('SIGKILL') }
}
