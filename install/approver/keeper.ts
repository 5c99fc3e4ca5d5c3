// What the approver's tool keeps: one file that nobody else can read, with the key, the way to Central, and the names
// that this person gave servers. Central is told none of it but what is signed.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const Kept = z.strictObject({
  name: z.string(),
  central: z.string(),
  token: z.string(),
  key: z.string(),
  servers: z.record(z.string(), z.string()),
})
export type Kept = Omit<z.infer<typeof Kept>, 'key'> & { key: KeyObject }

/** Said to the person, without a stack. */
export class Refusal extends Error {}

const fileIn = (home: string): string => join(home, 'approver.json')

export function readKept(home: string): Kept {
  let text: string
  try {
    text = readFileSync(fileIn(home), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Refusal('There is no key here yet: begin with `init`.')
  }
  const kept = Kept.parse(JSON.parse(text))
  return { ...kept, key: createPrivateKey(kept.key) }
}

/** @throws Refusal when there is a key already: hosts may believe it */
export function mustBeNone(home: string): void {
  if (existsSync(fileIn(home))) throw already(home)
}

const already = (home: string): Refusal =>
  new Refusal(
    `There is a key already, in ${fileIn(home)}. For another API key or URL use \`login\`; for a key of its own, --home DIRECTORY.`,
  )

/** @throws Refusal as above */
export function makeKept(home: string, given: Pick<Kept, 'name' | 'central' | 'token'>): Kept {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ed25519')
  const kept: Kept = { ...given, key: privateKey, servers: {} }
  try {
    writeFileSync(fileIn(home), textOf(kept), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw already(home)
  }
  return kept
}

/** @throws Refusal when it has another name, or the name is another's: a host that claims to be another one comes to light here */
export function nameServer(home: string, id: string, name: string): void {
  const kept = readKept(home)
  const known = Object.entries(kept.servers).find(([each, called]) => (each === id) !== (called === name))
  if (known)
    throw new Refusal(`${known[0]} is ${known[1]} already. If that has changed, take it out of ${fileIn(home)}.`)
  changeKept(home, { servers: { ...kept.servers, [id]: name } })
}

/** The key stays: hosts believe it. */
export function changeKept(home: string, change: Partial<Omit<Kept, 'key'>>): void {
  const next = `${fileIn(home)}.new`
  writeFileSync(next, textOf({ ...readKept(home), ...change }), { mode: 0o600 })
  renameSync(next, fileIn(home))
}

const textOf = (kept: Kept): string =>
  `${JSON.stringify({ ...kept, key: kept.key.export({ type: 'pkcs8', format: 'pem' }) }, null, 2)}\n`

/** The line for `approvers` in a host's policy.yaml. JSON is YAML. */
export function policyEntry({ name, key }: Kept): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return JSON.stringify({ name, key: spki.toString('base64') })
}
