// A unit that somebody has masked although it is wanted: it is still enabled, another needs it, or the problem names it. That
// one is masked which nobody misses is ordinary.
import type { Check } from '../check.ts'
import { dependentsOf, needsOf } from '../needs.ts'
import { finding, next, seen } from '../say.ts'
import { isNamed } from '../units.ts'

const DIRECTORIES = ['/etc/systemd/system', '/run/systemd/system']
const SHIPPED = ['/usr/lib/systemd/system', '/lib/systemd/system']
const KIND = /\.(?:service|socket|timer|mount|path)$/

export const unitMasked: Check = {
  name: 'masked units',
  topics: ['service'],
  run(facts) {
    const { host, now } = facts
    const places = ['wants', 'requires'].flatMap((kind) => host.glob(`/etc/systemd/system/*.${kind}`))
    const wanted = (id: string): string[] => places.filter((directory) => host.exists(`${directory}/${id}`))
    const masked = DIRECTORIES.flatMap((directory) =>
      host
        .list(directory)
        .flatMap((name) =>
          KIND.test(name) && host.link(`${directory}/${name}`) === '/dev/null'
            ? [{ id: name, path: `${directory}/${name}` }]
            : [],
        ),
    )
    return masked.flatMap(({ id, path }) => {
      const links = wanted(id)
      const needed = dependentsOf(id, facts)
      const named = isNamed(facts, id)
      const active = needsOf(facts, id).active === 'active'
      const missed = !active && (links.length > 0 || needed.length > 0 || named)
      const real = SHIPPED.some((directory) => host.exists(`${directory}/${id}`))
      if (!missed && !real) return []
      return finding({
        cause: 'UNIT_MASKED',
        subject: id,
        title: `${id} is masked, so that nothing can start it${needed.length > 0 ? `; ${needed.join(', ')} need${needed.length > 1 ? '' : 's'} it` : ''}`,
        severity: missed ? 'high' : 'low',
        confidence: missed ? 0.95 : 0.5,
        impact: needed,
        evidence: [
          seen(path, now, 'a link to /dev/null'),
          ...links.map((link) => seen(link, now, `${id} is still wanted here`)),
        ],
        next: [
          next.run(
            `systemctl unmask ${id} && systemctl start ${id}`,
            'Lets it be started again, once somebody has approved',
          ),
        ],
        explains: needed,
      })
    })
  },
}
