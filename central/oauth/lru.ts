// A map that forgets what was used longest ago.
export function createLru<V>(max: number) {
  const map = new Map<string, V>()
  return {
    get(key: string): V | undefined {
      const value = map.get(key)
      if (value === undefined) return undefined
      map.delete(key)
      map.set(key, value)
      return value
    },
    set(key: string, value: V): void {
      map.delete(key)
      map.set(key, value)
      if (map.size > max) map.delete(map.keys().next().value ?? '')
    },
    delete: (key: string): boolean => map.delete(key),
    entries: () => map.entries(),
  }
}
