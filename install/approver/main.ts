// `npm run approver -- …`: see README.md beside this file.
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { COMMANDS, type Terminal } from './approver.ts'
import { Refusal } from './keeper.ts'
import { widthOf } from './show.ts'

const OPTIONS = { home: { type: 'string' }, central: { type: 'string' }, name: { type: 'string' } } as const

const terminal: Terminal = {
  print: (line) => void process.stdout.write(`${line}\n`),
  columns: widthOf(process.stdout),
  async ask(question) {
    // What is piped in was decided before it could be read.
    if (!process.stdin.isTTY || !process.stdout.isTTY) throw new Refusal('Signing needs a person at a terminal.')
    const lines = createInterface({ input: process.stdin, output: process.stdout })
    try {
      return await lines.question(question)
    } finally {
      lines.close()
    }
  },
  async secret(what) {
    if (process.stdin.isTTY) process.stderr.write(`${what}, then Enter and Ctrl-D:\n`)
    return (await text(process.stdin)).trim()
  },
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  const [verb = '', ...words] = positionals
  const command = Object.hasOwn(COMMANDS, verb) ? COMMANDS[verb] : undefined
  if (!command) {
    for (const [name, { help }] of Object.entries(COMMANDS)) terminal.print(`npm run approver -- ${name} ${help}`)
    return 2
  }
  await command.run(words, { ...values, home: values.home ?? join(homedir(), '.config', 'mttrly-approver') }, terminal)
  return 0
}

main()
  .then((code) => {
    process.exitCode = code
  })
  .catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
