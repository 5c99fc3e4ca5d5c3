// Passwords: argon2id (RFC 9106) by node:crypto, written as PHC strings, so that the cost can grow later.
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'

/** OWASP's first choice: 19 MiB, two passes, one lane. */
const COST = { memory: 19 * 1024, passes: 2, parallelism: 1 }
const TAG = 32
export const MIN_PASSWORD = 12
const MAX_PASSWORD = 256

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

type Cost = typeof COST

const derive = (password: string, salt: Buffer, cost: Cost, length: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const parameters = { message: password.normalize('NFKC'), nonce: salt, tagLength: length, ...cost }
    argon2('argon2id', parameters, (error, key) => (error ? reject(error) : resolve(key)))
  })

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const tag = await derive(password, salt, COST, TAG)
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${base64(salt)}$${base64(tag)}`
}

let decoy: Promise<string> | undefined

/** Takes as long for nobody's password (`null`) as for somebody's. */
export async function verifyPassword(password: string, phc: string | null): Promise<boolean> {
  decoy ??= hashPassword(randomBytes(32).toString('hex'))
  const match = PHC.exec(phc ?? (await decoy))
  if (!match) throw new Error('A stored password hash cannot be read')
  const [, memory, passes, parallelism, salt, tag] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const expected = Buffer.from(tag, 'base64')
  const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
  const actual = await derive(password.slice(0, MAX_PASSWORD), Buffer.from(salt, 'base64'), cost, expected.length)
  return timingSafeEqual(actual, expected) && phc !== null
}

/** Why a new password is refused, as a sentence for the person; undefined when it is not. */
export function passwordProblem(password: string, email: string): string | undefined {
  if (password.length < MIN_PASSWORD) return `Use at least ${MIN_PASSWORD} characters.`
  if (password.length > MAX_PASSWORD) return `Use at most ${MAX_PASSWORD} characters.`
  const plain = password.toLowerCase()
  if (new Set(plain).size < 5) return 'Use more than a few different characters.'
  if (isRun(plain)) return 'Do not use a plain sequence of characters.'
  const [name = '', domain = ''] = email.toLowerCase().split('@')
  const left = OBVIOUS.concat(name, domain.split('.')[0] ?? '').reduce(
    (rest, word) => (word.length < 3 ? rest : rest.replaceAll(word, '')),
    plain,
  )
  if (left.length < MIN_PASSWORD / 2) return 'This is too easy to guess. Use a few unrelated words.'
}

const OBVIOUS = [
  'password',
  'passwort',
  'mttrly',
  'qwerty',
  'qwertz',
  'letmein',
  'welcome',
  'admin',
  'secret',
  'iloveyou',
]

/** abcdefghijkl, 123456789012, lkjihgfedcba: every step the same. */
function isRun(text: string): boolean {
  const steps = new Set<number>()
  for (let at = 1; at < text.length; at++) steps.add((text.charCodeAt(at) - text.charCodeAt(at - 1) + 10) % 10)
  return steps.size === 1
}
