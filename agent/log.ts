// The agent's log: JSON lines on standard error. Never output of a command, never a key or a token.
export type Log = Record<'info' | 'warn' | 'error', (fields: Record<string, unknown>, message: string) => void>

export function createLog(write: (line: string) => void = (line) => process.stderr.write(line)): Log {
  const at =
    (level: keyof Log) =>
    (fields: Record<string, unknown>, message: string): void =>
      write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`)
  return { info: at('info'), warn: at('warn'), error: at('error') }
}
