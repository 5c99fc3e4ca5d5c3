// A difference as it leaves the host: what a host's names and files say may hold secrets, and may be meant for a terminal. A
// plan is made of these, so that whoever looks, as root or from the inspect lane, gets the same digest.
import type { Drift } from '#proto/contract/installation.ts'
import { redactText } from '#proto/redaction/redactor.ts'

/** What a file or a name of the host says must not steer a terminal. */
export const printable = (text: string): string => text.replace(/\p{Cc}|\p{Cf}/gu, '?')

const told = (text: string): string => printable(redactText(text, {}).text)

export const asTold = ({ code, target, was, should, diff }: Drift): Drift => ({
  code,
  target: told(target),
  was: told(was),
  should: told(should),
  ...(diff && { diff: diff.map(printable) }),
})
