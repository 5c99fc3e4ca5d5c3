// How much of a host's files one request may take. Bytes and milliseconds.
const KIB = 1024
const MIB = 1024 * KIB

export const BOUNDS = {
  /** What one answer holds when nothing is asked, and at most. */
  answer: 256 * KIB,
  answerMax: MIB,
  /** A line longer than this is given as far as this. */
  line: MIB,
  /** How far behind such a line the next one is looked for. */
  beyondLine: 8 * MIB,
  block: MIB,
  /** What the redactor sees in front of what is given, so that a private key that began there is known as one; */
  lookback: 64 * KIB,
  /** and where that begins with what could be a key's own lines. */
  lookbackFar: 256 * KIB,
  /** Read of a compressed file before it counts as a bomb. */
  unpacked: 1024 * MIB,
  /** Hashed to say what a binary file is. */
  hashed: 64 * MIB,
  time: 10_000,
  /** A literal that is searched for. */
  needle: 256,
  hits: 200,
  hitsOfOneFile: 50,
  hitShown: 512,
  files: 100_000,
  depth: 64,
  /** One side of a diff, and of what it says. */
  diff: MIB,
  /** Names under one heading of a comparison. */
  names: 200,
  map: 16 * MIB,
} as const
