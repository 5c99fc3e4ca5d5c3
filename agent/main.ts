// The agent's command line: signals and exit codes. What there is to do is in app.ts.
import { parseConfig, USAGE } from './config.ts'
import { createLog } from './log.ts'

const USAGE_EXIT = 2
const FAULT_EXIT = 1

async function main(): Promise<number> {
  const parsed = parseConfig(process.argv.slice(2))
  if (!parsed.ok) {
    process.stderr.write(`${parsed.why}\n${USAGE}\n`)
    return USAGE_EXIT
  }
  const { config } = parsed
  const log = createLog()
  process.stderr.on('error', () => {}) // a closed terminal ends no agent
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
  process.on('SIGHUP', () => {})

  const { enrolHost, printStatus, runAgent } = await import('./app.ts')
  try {
    if (config.command === 'enrol') return await enrolHost(config, log)
    if (config.command === 'status') return printStatus(config)
    return await runAgent(config, log, stop.signal)
  } catch (error) {
    log.error({ error: String(error) }, 'the agent stopped on a fault: `mttrly-agent doctor` says what is damaged')
    return FAULT_EXIT
  }
}

// An act lane that goes on must not keep its daemon alive.
process.exit(await main())
