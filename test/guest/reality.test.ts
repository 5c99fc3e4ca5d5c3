// What runs on a real host, as the tools say it: complete, right, and what changed between two looks.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { createCleanup, startServedCentral } from './world.ts'

const SITES = `
upstream shop { server 127.0.0.1:18300; }
server {
  listen 18080; server_name shop.example;
  location / { proxy_pass http://shop; }
}
server {
  listen 18443 ssl; server_name plain.example; root /var/www/html;
  ssl_certificate /etc/nginx/site.pem; ssl_certificate_key /etc/nginx/site.key;
}`
const SHOP = `[Service]
User=shop
WorkingDirectory=/srv/shop
Environment=TOKEN=ghp_abcdefghijklmnopqrstuvwxyz0123456789
ExecStart=/srv/shop/node server.js --token=ghp_abcdefghijklmnopqrstuvwxyz0123456789
[Install]
WantedBy=multi-user.target
`
const TIMER = '[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n'

type Item = Record<string, unknown> & { owner?: { name: string }; health: { state: string } }

describe('the reality of an installed server', { skip: whyNoGuest() ?? false }, () => {
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let ahead = 0
  let server_id = ''

  const cleanup = createCleanup()
  after(cleanup.run)
  before(async () => {
    world = await startServedCentral(cleanup, { clock: { now: () => Date.now() + ahead } })
    guest = await startGuest(cleanup)
    // The guest is on this machine's network: ports of its own, so that nothing of others is in the way.
    await guest.must(`
      export DEBIAN_FRONTEND=noninteractive
      printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d
      apt-get -qq update && apt-get -qq -y install --no-install-recommends nginx-light redis-server postgresql openssl >/dev/null
      rm /usr/sbin/policy-rc.d
      sed -i 's/^port .*/port 18379/' /etc/redis/redis.conf
      sed -i 's/^#\\?port = .*/port = 18432/' /etc/postgresql/*/main/postgresql.conf
      rm -f /etc/nginx/sites-enabled/default; useradd -r shop; mkdir -p /srv/shop
      openssl req -x509 -newkey rsa:2048 -nodes -days 10 -subj /CN=plain.example -addext subjectAltName=DNS:plain.example -keyout /etc/nginx/site.key -out /etc/nginx/site.pem 2>/dev/null`)
    await guest.must((await world.newToken()).command)
    await guest.must('cat >/etc/nginx/sites-enabled/all', SITES)
    await guest.must('cat >/etc/systemd/system/shop.service', SHOP)
    await guest.must('cat >/etc/systemd/system/backup.timer', TIMER)
    await guest.must(`printf '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n' >/etc/systemd/system/backup.service
      echo 'require("node:http").createServer().listen(18300, "127.0.0.1")' >/srv/shop/server.js
      cp /opt/mttrly/current/node /srv/shop/node
      systemctl daemon-reload; systemctl enable -q --now shop backup.timer redis-server nginx; systemctl restart postgresql`)
    await world.untilOnline(1)
    server_id = (await world.servers())[0]?.id ?? ''
  })

  /** Time passes for Central, and the agent says that it is there. */
  async function pass(ms: number): Promise<void> {
    ahead += ms
    const since = Date.now() + ahead
    const isBack = async () => (await world.servers()).some((each) => each.online && (each.lastSeenAt ?? 0) >= since)
    while (!(await isBack())) await sleep(200)
  }

  const section = async (name: string, match?: string) => {
    const value = await world.mcp.value('get_service_reality', {
      server_id,
      section: name,
      limit: 200,
      ...(match && { match }),
    })
    return (value.section as { items: Item[] }).items
  }
  const named = (items: readonly Item[], key: string, value: unknown): Item => {
    const item = items.find((each) => JSON.stringify(each[key]) === JSON.stringify(value))
    assert.ok(item, `${key} ${value} is not among ${JSON.stringify(items)}`)
    return item
  }

  test('a summary comes first, live, without an approval', async (t) => {
    const answer = await world.mcp.value('get_service_reality', { server_id })
    assert.deepEqual([answer.source, answer.status], ['live', 'online'])
    assert.ok(JSON.stringify(answer).length < 40_000)
    t.diagnostic(`took ${answer.took_ms} ms: ${JSON.stringify(answer.counts)}`)
    t.diagnostic(`unhealthy: ${JSON.stringify(answer.unhealthy)}`)
    t.diagnostic(`not visible: ${JSON.stringify(answer.not_visible)}`)
    assert.equal((await world.mcp.value('get_service_reality', { server_id })).source, 'cached')
  })

  test('services, and the timer', async () => {
    const services = await section('services')
    for (const name of ['nginx.service', 'redis-server.service', 'shop.service'])
      assert.equal(named(services, 'id', name).health.state, 'ok', name)
    assert.ok(services.some(({ id }) => /^postgresql@\d+-main\.service$/.test(String(id))))
    const timer = named(await section('timers'), 'name', 'backup.timer')
    assert.equal(timer.health.state, 'ok')
    assert.ok(Date.parse(String(timer.next)) > Date.now())
  })

  test('ports and whose they are', async () => {
    const ports = await section('ports', ':18')
    const ownerOf = (port: number) => named(ports, 'port', port).owner?.name
    assert.equal(ownerOf(18300), 'shop.service')
    assert.equal(ownerOf(18379), 'redis-server.service')
    assert.match(String(ownerOf(18432)), /^postgresql@\d+-main\.service$/)
    assert.equal(ownerOf(18080), 'nginx.service')
    assert.equal(ownerOf(18443), 'nginx.service')
  })

  test('the runtime of a service, its version, and no secret of its command line', async () => {
    const node = named(await section('runtimes', 'shop.service'), 'runtime', 'node')
    assert.equal(node.owner?.name, 'shop.service')
    const all = JSON.stringify([await section('processes', 'shop'), await section('services', 'shop'), node])
    assert.match(all, /server\.js/)
    assert.doesNotMatch(all, /ghp_abcdefgh/)
    assert.match(all, /\[redacted:/)
  })

  test('both sites with upstream and certificate', async () => {
    const web = await section('web')
    const shop = named(web, 'names', ['shop.example'])
    assert.match(JSON.stringify(shop.upstreams), /127\.0\.0\.1:18300/)
    assert.equal(shop.health.state, 'ok')
    assert.equal(named(web, 'names', ['plain.example']).health.state, 'ok')
    const certificate = named(await section('certificates'), 'path', '/etc/nginx/site.pem')
    assert.equal(certificate.subject, 'plain.example')
    assert.equal(certificate.health.state, 'degraded')
  })

  test('databases with version and place of their data', async () => {
    const stores = await section('databases')
    const postgres = named(stores, 'software', 'postgresql')
    assert.match(String(postgres.version), /^15/)
    assert.match(String(postgres.dataDirectory), /^\/var\/lib\/postgresql\/15\/main/)
    const redis = named(stores, 'software', 'redis')
    assert.match(String(redis.version), /^7/)
  })

  test('what the lane may not see is said', async () => {
    const answer = await world.mcp.value('get_service_reality', { server_id })
    const gaps = (answer.not_visible as { what: string; why: string }[]).map(({ what }) => what)
    for (const path of ['/proc/<pid>/fd', '/home', '/root']) assert.ok(gaps.includes(path), `${path}: ${gaps}`)
  })

  test('a refresh shows what changed, and is not to be had again at once', async () => {
    await guest.must('systemctl stop redis-server; systemctl start shop')
    await guest.must(`systemd-run --unit=opened --uid=nobody /srv/shop/node -e 'require("net").createServer().listen(18999)'
      until ss -Hltn | grep -q :18999; do sleep 0.1; done`)
    await pass(61_000)
    const answer = await world.mcp.value('refresh_reality', { server_id })
    const { sections } = answer.changed_since_before as {
      sections: Record<string, { came: string[]; went: string[]; changed: { key: string }[] }>
    }
    assert.equal(answer.source, 'live')
    assert.ok(
      sections.listeners?.went.some((each) => each.endsWith(':18379')),
      JSON.stringify(sections),
    )
    assert.ok(
      sections.listeners?.came.some((each) => each.endsWith(':18999')),
      JSON.stringify(sections),
    )
    assert.ok(
      sections.units?.changed.some(({ key }) => key === 'redis-server.service'),
      JSON.stringify(sections),
    )
    const ill = answer.unhealthy as { name: string; state: string }[]
    assert.equal(ill.find(({ name }) => name === 'redis-server.service')?.state, 'stopped')
    assert.equal(await world.mcp.code('refresh_reality', { server_id }), 'REALITY_COOLDOWN')
    assert.equal((await world.mcp.value('get_service_reality', { server_id })).source, 'cached')
  })
})
