/** What stands in a secret's place: `[redacted:<rule>]`, or with a tag that is equal for equal secrets of one host. */
import { createHmac } from 'node:crypto'

/** Past this many different secrets in one stream nobody compares them by eye, and each costs a hash. */
const TAGS_MAX = 4096

export function createMarker(hostKey: Buffer | undefined): (rule: string, tagged: string | undefined) => Buffer {
  const tags = new Map<string, string>()
  const tagOf = (key: Buffer, secret: string): string | undefined => {
    const known = tags.get(secret)
    if (known !== undefined || tags.size >= TAGS_MAX) return known
    const tag = createHmac('sha256', key).update(secret, 'latin1').digest('hex').slice(0, 8)
    if (secret.length <= 4096) tags.set(secret, tag)
    return tag
  }
  const plain = new Map<string, Buffer>()
  return (rule, tagged) => {
    const tag = hostKey && tagged !== undefined ? tagOf(hostKey, tagged) : undefined
    if (tag !== undefined) return Buffer.from(`[redacted:${rule}:${tag}]`, 'latin1')
    const known = plain.get(rule) ?? Buffer.from(`[redacted:${rule}]`, 'latin1')
    plain.set(rule, known)
    return known
  }
}
