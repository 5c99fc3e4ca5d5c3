// What an engine says on its way out, without the secrets in it. Environments are looked at by name and value together, so
// that a value with blanks goes as a whole; all other text goes through the redactor, with the name it stands under.
import { redactText } from '#proto/redaction/redactor.ts'

export type Clean = {
  text(text: string): string
  /** `NAME=value` */
  variable(entry: string): string
  /** Anything that JSON can hold. */
  whole(value: unknown): unknown
}

const ASSIGNMENT = /^([^=\s]{1,200})=([\s\S]*)$/

export function createClean(hostKey: Buffer): Clean {
  const text = (from: string): string => redactText(from, { hostKey }).text
  /** The value of a name; in quotes, since without them it would end at the first blank. */
  const masked = (name: string, value: string): string => {
    const quoted = `"${name}": ${JSON.stringify(value)}`
    const { text: safe, hits } = redactText(quoted, { hostKey })
    if (hits === 0) return text(value)
    try {
      return JSON.parse(safe.slice(safe.indexOf(': ') + 2)) as string
    } catch {
      return '[redacted]'
    }
  }
  const variable = (entry: string): string => {
    const [, name, value = ''] = ASSIGNMENT.exec(entry) ?? []
    return name === undefined ? text(entry) : `${name}=${masked(name, value)}`
  }
  const whole = (value: unknown, name = ''): unknown => {
    if (typeof value === 'string') return name === '' ? variable(value) : masked(name, value)
    if (Array.isArray(value)) return value.map((each) => whole(each))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [text(key), whole(each, key)]))
  }
  return { text, variable, whole: (value) => whole(value) }
}
