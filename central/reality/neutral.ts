// Text of a host on its way to people and models, at any depth: names of its packages and settings included.
import { plainText } from '../domain/text.ts'

export function neutral<T>(value: T): T {
  if (typeof value === 'string') return plainText(value) as T
  if (Array.isArray(value)) return value.map(neutral) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [plainText(key), neutral(each)])) as T
}
