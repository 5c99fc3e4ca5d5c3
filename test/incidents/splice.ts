// Makes one of two connections; when one of them fails, both end. For outside.ts and network.ts.
import type { Socket } from 'node:net'

export function splice(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one)
  const end = (): void => {
    one.destroy()
    other.destroy()
  }
  one.on('error', end)
  other.on('error', end)
}
