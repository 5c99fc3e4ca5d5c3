// What an action is called in lists, answers and messages: short and without secrets. What was asked for, byte for byte,
// stands on the approval page alone.
import { redactText } from '#proto/redaction/redactor.ts'

const MOST = 500

export function titleOf(text: string): string {
  const clean = redactText(text, {}).text
  return clean.length > MOST ? `${clean.slice(0, MOST).toWellFormed()}… (${clean.length} characters in all)` : clean
}
