// `npm run central`: Central as a process of its own. Logs go to stderr; one line of JSON on stdout says that it is up.
import { startCentral } from './app.ts'
import { ConfigError, configHelp, loadConfig } from './config.ts'

try {
  const argv = process.argv.slice(2)
  if (argv.includes('--help')) {
    console.log(configHelp())
    process.exit(0)
  }
  const central = await startCentral(loadConfig(argv))
  const setup = await central.identity.accounts.createSetupLink()
  console.log(
    JSON.stringify({ ready: true, console: central.publicUrl, mcp: `${central.publicUrl}/mcp`, setup: setup ?? null }),
  )
  const stop = () => void central.stop().then(() => process.exit(0))
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error)
  process.exit(1)
}
