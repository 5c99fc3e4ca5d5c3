// A service that could not listen because its port, or its socket, is taken; and who has it.
import type { Listener } from '#proto/contract/reality.ts'
import type { Check, Facts, LogLine } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { isTroubled, unitText, type Watched, watchUnits } from '../units.ts'

const TAKEN =
  /EADDRINUSE|address (?:is )?already in use|Address in use|\(98\b|\[Errno 98\]|WSAEADDRINUSE|Connection in use: \(|port (?:\d+ )?(?:is )?already (?:in use|allocated|bound|taken)|port \d+ was already in use|already in use by another|Do you already have another \w+ server running/i
const PORTS = [
  /:::?(\d{2,5})\b/,
  /(?:\d{1,3}(?:\.\d{1,3}){3}|\]|\*|localhost|0):(\d{2,5})\b/,
  /\bport[ :=#"'(]+(\d{2,5})\b/i,
  /(?<![\d:]):(\d{2,5})\b(?!:\d)/,
]
const SOCKET = /unix:(?:\/\/)?(\/[^\s'"()]+)|['" ](\/(?:run|var|tmp)\/[^\s'"()]+\.sock(?:et)?)\b/
const NEAR = 6
/** Where a unit's own text names a port. */
const IN_UNIT = /(?:\bPORT=|--(?:http-)?port[ =]|-p ?|--bind[ =]\S*:|--listen[ =]\S*:|http\.server |:)(\d{2,5})\b/g

const portIn = (text: string): number | undefined => {
  const found = PORTS.map((pattern) => pattern.exec(text)?.[1]).find(
    (port) => port !== undefined && Number(port) <= 65_535,
  )
  return found === undefined ? undefined : Number(found)
}

type Wanted = { port?: number; path?: string }

/** In the line itself, else in those beside it, else in the unit's file where one of its ports is held by another. */
function wantedBy(line: LogLine, { lines, unit, id }: Watched, facts: Facts): Wanted {
  const [, quotedPath, path = quotedPath] = SOCKET.exec(line.text) ?? []
  if (path) return { path }
  const own = portIn(line.text)
  if (own !== undefined) return { port: own }
  const at = lines.indexOf(line)
  const near = lines.slice(at + 1, at + NEAR).concat(lines.slice(Math.max(0, at - NEAR), at).reverse())
  const beside = near
    .filter(({ identifier }) => identifier !== 'systemd')
    .map(({ text }) => portIn(text))
    .find((port) => port !== undefined)
  const named = [...unitText(facts, unit).matchAll(IN_UNIT)].map(([, port]) => Number(port))
  const taken = [...named, ...(beside === undefined ? [] : [beside])].find(
    (port) => holdersOf({ port }, id, facts).length > 0,
  )
  const port = taken ?? beside ?? named[0]
  return port === undefined ? {} : { port }
}

const holdersOf = ({ port, path }: Wanted, id: string, { reality }: Facts): Listener[] =>
  reality.listeners
    .filter((each) =>
      port === undefined ? path !== undefined && each.address === path : each.port === port && each.protocol !== 'unix',
    )
    .toSorted((a, b) => Number(a.owner?.name === id) - Number(b.owner?.name === id))

const nameOf = ({ owner, process, pid }: Listener): string => {
  const program = process ? `${process}, process ${pid}` : 'a process that cannot be seen'
  return owner && owner.kind !== 'none' && owner.name !== '' ? `${owner.name} (${program})` : program
}

export const portConflict: Check = {
  name: 'ports wanted twice',
  topics: ['service', 'network', 'web'],
  async run(facts) {
    return (await watchUnits(facts)).flatMap((watched) => {
      const line = watched.lines.findLast(
        // For a socket unit it is systemd that listens.
        ({ text, identifier }) => (identifier !== 'systemd' || watched.unit.kind === 'socket') && TAKEN.test(text),
      )
      if (!line) return []
      const wanted = wantedBy(line, watched, facts)
      const what = wanted.path ?? (wanted.port === undefined ? 'its address' : `port ${wanted.port}`)
      const [holder] = holdersOf(wanted, watched.id, facts)
      // It runs, and holds it: that was at another time.
      if (!isTroubled(watched) && (!holder || holder.owner?.name === watched.id)) return []
      return finding({
        cause: 'PORT_CONFLICT',
        subject: watched.id,
        title: `${watched.id} cannot listen on ${what}: ${holder ? `${nameOf(holder)} has it` : 'it was taken when it tried'}`,
        confidence: holder ? 0.98 : 0.75,
        impact: [`${watched.id} does not serve ${what}`],
        evidence: [
          quoted(line),
          ...(holder
            ? [
                seen(
                  holder.ownerFrom ?? '/proc/net',
                  facts.now,
                  `${holder.protocol} ${holder.address}${holder.port === undefined ? '' : `:${holder.port}`} is held by ${nameOf(holder)}`,
                ),
              ]
            : []),
        ],
        next: [
          next.reality('ports', 'Who listens where'),
          ...(holder?.owner?.kind === 'unit'
            ? [next.journal(holder.owner.name, 'Since when the other has it, and why')]
            : []),
          next.journal(watched.id),
        ],
        explains: [watched.id, ...(wanted.port === undefined ? [] : [`127.0.0.1:${wanted.port}`])],
      })
    })
  },
}
