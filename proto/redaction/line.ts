/** The secrets of one line as ranges of its original bytes, in order and apart from each other. */
import { findSecrets, scanner } from './find.ts'
import type { Secret } from './matching.ts'
import { decodedView, noiseFreeViews, type View } from './view.ts'

/** `line` without its line feed. `lineStart`: false where it is the middle of a longer one. */
export function secretsOf(line: Buffer, lineStart: boolean): Secret[] {
  const { rendered, stripped } = viewsOf(line)
  const secrets = merge(inView(rendered, lineStart))
  if (!stripped) return secrets
  const extras = inView(stripped, lineStart).filter((extra) => !isKnown(line, secrets, extra))
  return merge([...secrets, ...extras.map((extra) => withEscape(line, extra))])
}

function inView(view: View, lineStart: boolean): Secret[] {
  const text = view.bytes.toString('latin1')
  const secrets = findSecrets(view.bytes, text, lineStart).map((secret) => placed(secret, view.map, false))
  const decoded = decodedView(text, view.map)
  if (!decoded) return secrets
  return [
    ...secrets,
    ...findSecrets(decoded.bytes, decoded.text, lineStart).map((secret) => placed(secret, decoded.map, true)),
  ]
}

function placed(secret: Secret, map: Uint32Array | undefined, decoded: boolean): Secret {
  if (!map) return secret
  const end = decoded ? map[secret.end] : (map[secret.end - 1] ?? 0) + 1
  return { ...secret, start: map[secret.start] ?? 0, end: end ?? 0 }
}

/** The line itself, unless something in it hides. */
export function viewsOf(line: Buffer): { rendered: View; stripped: View | undefined } {
  return scanner.noisy(line) ? noiseFreeViews(line) : { rendered: { bytes: line, map: undefined }, stripped: undefined }
}

/** The escape byte goes too, or a terminal would take the marker's bracket for the sequence it lost. */
const withEscape = (line: Buffer, secret: Secret): Secret =>
  line[secret.start - 1] === 0x1b ? { ...secret, start: secret.start - 1 } : secret

/** Joined over what separates in the other view: that one, and earlier markers, know better. */
const isKnown = (line: Buffer, known: readonly Secret[], extra: Secret): boolean =>
  known.some((secret) => overlaps(secret, extra)) || line.subarray(extra.start, extra.end + 10).includes('[redacted:')

const overlaps = (a: Secret, b: Secret): boolean => a.start < b.end && b.start < a.end

/** Overlapping ranges become one. The outer rule names it; of equals the one found by shape, which says more. */
function merge(secrets: Secret[]): Secret[] {
  if (secrets.length < 2) return secrets
  const sorted = secrets.toSorted((a, b) => a.start - b.start || b.end - a.end || rank(a) - rank(b))
  const merged: Secret[] = []
  for (const secret of sorted) {
    const last = merged.at(-1)
    if (!last || secret.start >= last.end) merged.push({ ...secret })
    else if (secret.end > last.end || secret.open) Object.assign(last, joined(last, secret))
  }
  return merged
}

const joined = (a: Secret, b: Secret): Partial<Secret> => ({
  end: Math.max(a.end, b.end),
  tagged: undefined,
  ...(a.open || b.open ? { open: true as const, rule: 'private-key' } : {}),
  ...(b.tail === 'line' ? { tail: b.tail } : {}),
})

const GENERAL = new Set(['password', 'secret', 'token', 'key', 'session', 'authorization', 'cookie', 'url-credentials'])
const rank = (secret: Secret): number => (GENERAL.has(secret.rule) ? 1 : 0)
