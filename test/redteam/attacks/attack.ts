// The form of the tables of attacks beside this file, one for each class of them; the tests of classes and of a guest go through them.

/**
 * One attempt: a call of a tool. `id` is the item of its class, for example `A4`. What must hold beside that (nothing is changed,
 * contacted or told that was not to be told) is the same for all:
 * `asked`: it waits for a person. `refused`: an error. `silent`: any answer, in time.
 */
export type Attack = {
  id: string
  name: string
  tool: string
  args: Readonly<Record<string, unknown>>
  holds: 'asked' | 'refused' | 'silent'
}

/**
 * What stands for something on the attacked host: a file that is made (MARK), a listener (CALL, CALLHOST, CALLPORT), a file that nobody
 * may read (KEPTFILE) and its content (KEPT), which has no shape that a redactor could know.
 */
export type Words = { MARK: string; CALL: string; KEPTFILE: string; KEPT: string }

export const KEPT = 'told to nobody, not even to friends'
export const KEPTFILE = '/etc/ssl/private/kept'

export function filled<Value>(value: Value, words: Words): Value {
  const [host = '', port = ''] = words.CALL.split(':')
  const all = {
    KEPTFILE: words.KEPTFILE,
    KEPT: words.KEPT,
    MARK: words.MARK,
    CALLHOST: host,
    CALLPORT: port,
    CALL: words.CALL,
  }
  const inText = (text: string): string =>
    Object.entries(all).reduce((filled, [word, by]) => filled.replaceAll(word, by), text)
  return JSON.parse(JSON.stringify(value), (_key, each) => (typeof each === 'string' ? inText(each) : each))
}

/** Every text in an answer, keys included, one a line. */
export function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => [key, ...textsOf(each)])
}

const PIECE = 8
const squeezed = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal does not show them
  text.replace(/\u001b\[[\d;]*[A-Za-z]|\\u\{[0-9a-f]+\}(?:\[[\d;]*[A-Za-z])?/g, '').replace(/[^A-Za-z0-9]/g, '')

/** Whether a piece of the secret can be read in a text, whatever was put between its characters. */
export function tells(text: string, secret: string): boolean {
  const [all, sought] = [squeezed(text), squeezed(secret)]
  for (let at = 0; at + PIECE <= sought.length; at++) if (all.includes(sought.slice(at, at + PIECE))) return true
  return false
}
