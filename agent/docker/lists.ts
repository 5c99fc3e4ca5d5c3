// What else an engine lists: images and their layers, networks, volumes, and the room that all of it takes.
import type { Filters } from './engine.ts'
import { idOf, listing } from './listing.ts'
import { ago, size } from './print.ts'

export const images = listing(
  { ID: 'IMAGE ID', Repository: 'REPOSITORY', Tag: 'TAG', CreatedAt: 'CREATED', Size: 'SIZE' },
  async (asked, { engine, now }) => {
    const reference: Filters = asked.first ? { reference: [asked.first] } : {}
    const found = await engine.images({ all: asked.has('-a', '--all'), filters: { ...asked.filters, ...reference } })
    return found.flatMap((each) =>
      (each.RepoTags.length > 0 ? each.RepoTags : ['<none>:<none>']).map((name) => ({
        ID: idOf(each.Id, asked),
        Repository: name.slice(0, name.lastIndexOf(':')),
        Tag: name.slice(name.lastIndexOf(':') + 1),
        CreatedAt: ago(each.Created * 1_000, now),
        Size: size(each.Size),
        ...(asked.has('--digests') || asked.json ? { Digest: each.RepoDigests[0]?.split('@')[1] ?? '<none>' } : {}),
      })),
    )
  },
)

export const history = listing(
  { ID: 'IMAGE', CreatedAt: 'CREATED', CreatedBy: 'CREATED BY', Size: 'SIZE', Comment: 'COMMENT' },
  async (asked, { engine, now }) =>
    (await engine.history(asked.first)).map((each) => ({
      ID: idOf(each.Id, asked),
      CreatedAt: ago(each.Created * 1_000, now),
      CreatedBy: each.CreatedBy,
      Size: size(each.Size),
      Comment: each.Comment,
    })),
)

export const networks = listing(
  { ID: 'NETWORK ID', Name: 'NAME', Driver: 'DRIVER', Scope: 'SCOPE' },
  async (asked, { engine }) =>
    (await engine.networks(asked.filters)).map(({ Id, Name, Driver, Scope }) => ({
      ID: idOf(Id, asked),
      Name,
      Driver,
      Scope,
    })),
)
export const volumes = listing({ Name: 'VOLUME NAME', Driver: 'DRIVER' }, async (asked, { engine }) =>
  (await engine.volumes(asked.filters)).Volumes.map(({ Name, Driver }) => ({ Name, Driver })),
)

type Used = { Size?: number; SizeRw?: number; UsageData?: { Size?: number } }
export const usage = listing({ Type: 'TYPE', Total: 'TOTAL', Size: 'SIZE' }, async (_asked, { engine }) => {
  const found = await engine.usage()
  const rows = { Images: 'Images', Containers: 'Containers', Volumes: 'Local Volumes', BuildCache: 'Build Cache' }
  return Object.entries(rows).map(([key, Type]) => {
    const list = (Array.isArray(found[key]) ? found[key] : []) as Used[]
    const bytes = list.reduce(
      (sum, each) => sum + (each.UsageData?.Size ?? each.SizeRw ?? (key === 'Containers' ? 0 : (each.Size ?? 0))),
      0,
    )
    return { Type, Total: String(list.length), Size: size(Math.max(0, bytes)) }
  })
})
