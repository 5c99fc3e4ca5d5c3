// Recovery codes: ten of 80 bits, shown once, stored hashed, each good once.
import { randomBytes } from 'node:crypto'
import type { Clock } from '../domain/clock.ts'
import type { SecondFactorsStore } from '../storage/second-factors.ts'
import { digest } from './keyring.ts'

const COUNT = 10
/** Crockford's alphabet: no letter that looks like a digit. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const SHAPE = /^[0-9A-HJKMNP-TV-Z]{16}$/

/** 80 bits are 16 characters of five bits. */
function createCode(): string {
  let bits = BigInt(`0x${randomBytes(10).toString('hex')}`)
  let code = ''
  for (let at = 0; at < 16; at++) {
    code += ALPHABET[Number(bits & 31n)]
    bits >>= 5n
  }
  return code
}

const canonical = (code: string): string =>
  code.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1')

export type RecoveryCodes = ReturnType<typeof createRecoveryCodes>

export function createRecoveryCodes(rooms: { store: SecondFactorsStore['recoveryCodes']; clock: Clock }) {
  const { store, clock } = rooms
  return {
    /** A new set; codes of an older one are gone. */
    async replace(userId: string): Promise<string[]> {
      const codes = Array.from({ length: COUNT }, createCode)
      await store.replace(userId, codes.map(digest))
      return codes.map((code) => code.match(/.{4}/g)?.join('-') ?? code)
    },
    async use(userId: string, code: string): Promise<boolean> {
      const text = canonical(code)
      return SHAPE.test(text) && (await store.use(userId, digest(text), clock.now()))
    },
    left: (userId: string): Promise<number> => store.left(userId),
    remove: (userId: string): Promise<void> => store.remove(userId),
  }
}
