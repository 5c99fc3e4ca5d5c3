// What an agent can do, as one integer. Central asks "at least 7?" and never compares release strings.
// One dated line a number; a number is never reused.
//   1  2026-11-22  commands.read, commands.act; heartbeat; certificate renewal over the stream
//   2  2026-11-22  inspect.run, inspect.installation; repair and update on the host; authorities told over the stream
//   3  2026-11-22  inspect.files, inspect.reality; grants with input
//   4  2026-11-22  docker.run, docker.ask
//   5  2026-11-22  inspect.diagnose
//   6  2026-11-23  mttrly-agent repair --manifest
export const CAPABILITY_VERSION = 6

/** The oldest agent that this Central still talks to. Older ones get AGENT_OUTDATED. */
export const OLDEST_CAPABILITY_VERSION = 1
