// Installs the clients of test/clients/installed.ts (about 1.2 GB, 30 seconds). Harmless to repeat.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { CLIENTS_DIR, VERSIONS } from './clients/installed.ts'

function install(): number {
  const unfinished = `${CLIENTS_DIR}.${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  writeFileSync(`${unfinished}/package.json`, JSON.stringify({ private: true, dependencies: VERSIONS }))
  // npm quietly takes older versions for an older node, so it runs under this one.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  const options = { cwd: unfinished, env, stdio: 'inherit' } as const
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], options)
  if (status === 0) renameSync(unfinished, CLIENTS_DIR)
  else rmSync(unfinished, { recursive: true, force: true })
  return status ?? 1
}

if (existsSync(CLIENTS_DIR)) console.log(`already installed: ${CLIENTS_DIR}`)
else process.exitCode = install()
