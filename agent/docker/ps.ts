// `ps`, and Compose's projects, which are labels of containers; the files that they came from are not looked at.
import type { Asked } from './asked.ts'
import { portsOf } from './containers.ts'
import { type Answer, idOf, listing, type Rows } from './listing.ts'
import { ago, type Row, size } from './print.ts'
import type { Listed } from './shapes.ts'

const PROJECT = 'com.docker.compose.project'

const rowOf = (each: Listed, asked: Asked, now: number): Row => ({
  ID: idOf(each.Id, asked),
  Image: each.Image,
  Command: JSON.stringify(each.Command),
  CreatedAt: ago(each.Created * 1_000, now),
  Status: each.Status,
  Ports: portsOf(each).join(', '),
  Names: each.Names.map((name) => name.replace(/^\//, '')).join(','),
  ...(each.SizeRw !== undefined && { Size: `${size(each.SizeRw)} (virtual ${size(each.SizeRootFs ?? 0)})` }),
  ...(asked.json && {
    State: each.State,
    Labels: Object.entries(each.Labels)
      .map((pair) => pair.join('='))
      .join(','),
  }),
  ...(each.Labels[PROJECT] && {
    Project: each.Labels[PROJECT],
    Service: each.Labels['com.docker.compose.service'] ?? '',
  }),
})

const CONTAINERS = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED',
  Status: 'STATUS',
  Ports: 'PORTS',
  Names: 'NAMES',
}
const containers: Rows = async (asked, { engine, now }) => {
  const last = asked.has('-l', '--latest') ? '1' : asked.value('-n', '--last')
  const all = asked.has('-a', '--all') || last !== undefined
  const limit = last === undefined ? {} : { limit: Number(last) }
  const found = await engine.containers({ all, ...limit, size: asked.has('-s', '--size'), filters: asked.filters })
  return found.map((each) => rowOf(each, asked, now))
}
export const ps: Answer = (asked, asking) =>
  listing(asked.has('-s', '--size') ? { ...CONTAINERS, Size: 'SIZE' } : CONTAINERS, containers)(asked, asking)

export const projects = listing(
  { Name: 'NAME', Status: 'STATUS', ConfigFiles: 'CONFIG FILES' },
  async (asked, { engine }) => {
    const found = await engine.containers({ all: asked.has('-a', '--all'), filters: { label: [PROJECT] } })
    return [...Map.groupBy(found, ({ Labels }) => Labels[PROJECT] ?? '')].map(([Name, members]) => ({
      Name,
      Status: [...Map.groupBy(members, ({ State }) => State)]
        .map(([state, each]) => `${state}(${each.length})`)
        .join(', '),
      ConfigFiles: members[0]?.Labels['com.docker.compose.project.config_files'] ?? '',
    }))
  },
)
export const project: Answer = async (asked, asking) => {
  const label = [`${PROJECT}=${asked.value('-p', '--project-name')}`]
  const rows: Rows = async () =>
    (await asking.engine.containers({ all: asked.has('-a', '--all'), filters: { label } })).map((each) =>
      rowOf(each, asked, asking.now),
    )
  if (asked.has('--services'))
    return [...new Set((await rows(asked, asking)).map(({ Service }) => `${Service}\n`))].join('')
  const { ID: _id, Names: _names, ...columns } = CONTAINERS
  return listing(
    { ...(asked.has('-q', '--quiet') ? { ID: 'ID' } : {}), Names: 'NAME', Service: 'SERVICE', ...columns },
    rows,
  )(asked, asking)
}
