// Where the next page begins. Opaque to who carries it; whoever makes one up gets no more than a page.

/** `start`: offset of a line in the content. `skip`: bytes of that line's redacted text that were given already. */
export type Cursor = { ino: string; start: number; skip: number }

export const printCursor = ({ ino, start, skip }: Cursor): string =>
  Buffer.from(`${ino}.${start}.${skip}`).toString('base64url')

export function parseCursor(text: string): Cursor | undefined {
  const [, ino, start, skip] =
    /^(\d{1,20})\.(\d{1,15})\.(\d{1,15})$/.exec(Buffer.from(text, 'base64url').toString()) ?? []
  return ino === undefined ? undefined : { ino, start: Number(start), skip: Number(skip) }
}
