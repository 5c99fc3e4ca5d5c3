import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Snapshot } from '#proto/contract/reality.ts'
import { diffSnapshots } from '#proto/contract/reality-diff.ts'
import { BOOT, snapshotOf, type Tree, tcpLine } from './tree.ts'

const CONTAINER = '4f'.repeat(32)
const COMMIT = 'a1'.repeat(20)
const GITHUB = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'

const DEBIAN: Tree = {
  distribution: 'debian-12',
  processes: {
    1: { name: 'systemd', exe: '/usr/lib/systemd/systemd', parent: 0, cgroup: '/init.scope', sockets: [22] },
    2: { name: 'kthreadd', parent: 0 },
    10: { name: 'kworker/0:1', parent: 2, state: 'I' },
    600: { name: 'cron', exe: '/usr/sbin/cron', cgroup: '/system.slice/cron.service' },
    700: {
      name: 'nginx',
      argv: ['nginx: master process /usr/sbin/nginx -g daemon on;'],
      exe: '/usr/sbin/nginx',
      cgroup: '/system.slice/nginx.service',
      sockets: [80, 443],
    },
    701: {
      name: 'nginx',
      argv: ['nginx: worker process'],
      exe: '/usr/sbin/nginx',
      parent: 700,
      uid: 33,
      cgroup: '/system.slice/nginx.service',
      sockets: [80, 443],
    },
    720: {
      name: 'postgres',
      argv: [
        '/usr/lib/postgresql/15/bin/postgres',
        '-D',
        '/var/lib/postgresql/15/main',
        '-c',
        'config_file=/etc/postgresql/15/main/postgresql.conf',
      ],
      exe: '/usr/lib/postgresql/15/bin/postgres',
      uid: 110,
      cgroup: '/system.slice/system-postgresql.slice/postgresql@15-main.service',
      sockets: [5432],
    },
    ...Object.fromEntries(
      ['shop shop [local] idle', 'shop shop 127.0.0.1(5001) SELECT', 'walwriter', 'shop report ::1(5002) idle'].map(
        (title, i) => [
          721 + i,
          {
            name: 'postgres',
            argv: [`postgres: 15/main: ${title}`],
            exe: '/usr/lib/postgresql/15/bin/postgres',
            parent: 720,
            uid: 110,
            cgroup: '/system.slice/system-postgresql.slice/postgresql@15-main.service',
          },
        ],
      ),
    ),
    750: {
      name: 'MainThread',
      argv: ['/usr/bin/node', 'server.js', `--token=${GITHUB}`],
      exe: '/usr/bin/node (deleted)',
      uid: 33,
      cgroup: '/system.slice/shop.service',
      cwd: '/srv/shop/current',
      sockets: [3000],
    },
    790: {
      name: 'supervisord',
      argv: ['/usr/bin/python3', '/usr/bin/supervisord', '-c', '/etc/supervisor/supervisord.conf'],
      exe: '/usr/bin/python3.11',
      cgroup: '/system.slice/supervisor.service',
    },
    800: {
      name: 'python3',
      argv: ['/usr/bin/python3', '/srv/shop/worker.py'],
      exe: '/usr/bin/python3.11',
      parent: 790,
      uid: 1000,
      cgroup: '/system.slice/supervisor.service',
    },
    850: {
      name: 'PM2 v5.3.0: God',
      argv: ['PM2 v5.3.0: God Daemon (/home/deploy/.pm2)'],
      exe: '/home/deploy/.nvm/versions/node/v20.11.1/bin/node',
      uid: 1000,
      cgroup: '/system.slice/pm2-deploy.service',
    },
    900: {
      name: 'node',
      argv: ['node', '/srv/chat/index.js'],
      exe: '/home/deploy/.nvm/versions/node/v20.11.1/bin/node',
      parent: 850,
      uid: 1000,
      cgroup: '/system.slice/pm2-deploy.service',
    },
    950: {
      name: 'redis-server',
      argv: ['redis-server *:6379'],
      exe: '/usr/local/bin/redis-server',
      cgroup: `/system.slice/docker-${CONTAINER}.scope`,
    },
    960: {
      name: 'java',
      argv: ['java', '-jar', '/srv/app.jar'],
      exe: '/usr/lib/jvm/java-17-openjdk-amd64/bin/java',
      cgroup: '/user.slice/user-0.slice/session-3.scope',
    },
    970: { name: 'defunct', parent: 750, state: 'Z' },
  },
  files: {
    'run/systemd/system/.keep': '',
    'proc/net/tcp': [
      'sl',
      tcpLine(80, 80),
      tcpLine(443, 443),
      tcpLine(22, 22),
      tcpLine(5432, 5432, '0100007F'),
      tcpLine(3000, 3000, '0100007F'),
    ].join('\n'),
    'proc/mounts':
      '/dev/vda1 / ext4 ro,relatime 0 0\n/dev/vdc1 /srv/photos nfs4 rw 0 0\noverlay /var/lib/docker/overlay2/x/merged overlay rw 0 0\n',
    'proc/sys/kernel/hostname': 'web-1\n',

    'srv/shop/.git/HEAD': 'ref: refs/heads/main\n',
    'srv/shop/.git/refs/heads/main': `${COMMIT}\n`,
    'srv/shop/.git/logs/HEAD': `${'0'.repeat(40)} ${COMMIT} A <a@b> ${BOOT / 1000 + 3600} +0000\tpull: Fast-forward\n`,
    'srv/shop/current/server.js': '',
    'usr/lib/jvm/java-17-openjdk-amd64/release': 'IMPLEMENTOR="Debian"\nJAVA_VERSION="17.0.12"\n',
  },
}

const by = <T>(list: readonly T[], fits: (each: T) => boolean): T => {
  const found = list.find(fits)
  assert.ok(found, 'it is in the snapshot')
  return found
}

describe('a Debian host', () => {
  it('is seen whole', async (t) => {
    const snapshot = await snapshotOf(t, DEBIAN)
    assert.deepEqual(
      [snapshot.host.hostname, snapshot.host.os.version, snapshot.host.init, snapshot.host.bootedAt],
      ['web-1', '12', 'systemd', BOOT],
    )
    assert.deepEqual([snapshot.host.processStates.Z, snapshot.containers], [1, null])

    const unit = (id: string) => by(snapshot.units, (each) => each.id === id)
    assert.equal(unit('nginx.service').since, BOOT + 8_000)
    assert.deepEqual(
      [unit('nginx.service').memory, unit('shop.service').memory, unit('shop.service').cpuMs],
      [9_437_184, undefined, undefined],
    )
    assert.equal(unit('shop.service').directory, '/srv/shop')
    const states = ['nginx', 'shop', 'billing', 'redis-server', 'shelved', 'forgotten'].map(
      (name) => unit(`${name}.service`).health.state,
    )
    assert.deepEqual(states, ['ok', 'degraded', 'failed', 'failed', 'stopped', 'stopped'])
    assert.match(unit('redis-server.service').health.why, /oom-kill, status 9/)
    assert.ok(!snapshot.units.some(({ id }) => id === 'static-and-idle.service' || id === 'gone.service'))

    const owners = snapshot.listeners.map(({ port, owner, process }) => [port, owner?.name, process])
    assert.deepEqual(owners, [
      [22, 'ssh.socket', 'systemd'],
      [80, 'nginx.service', 'nginx'],
      [443, 'nginx.service', 'nginx'],
      [3000, 'shop.service', 'node'],
      [5432, 'postgresql@15-main.service', 'postgres'],
    ])
  })

  it('its runtimes have versions that nothing was executed for', async (t) => {
    const { runtimes } = await snapshotOf(t, DEBIAN)
    const versions = Object.fromEntries(runtimes.map(({ program, version }) => [program, version]))
    assert.deepEqual(versions, {
      'server.js': '18.19.0',
      '/usr/bin/supervisord': '3.11.2',
      '/srv/shop/worker.py': '3.11.2',
      'PM2 v5.3.0: God Daemon (/home/deploy/.pm2)': '20.11.1',
      '/srv/chat/index.js': '20.11.1',
      '/srv/app.jar': '17.0.12',
    })
    assert.equal(
      by(runtimes, ({ program }) => program === 'server.js').health.state,
      'degraded',
      'its program was replaced',
    )
  })

  it('its sites say whether they can be served', async (t) => {
    const { sites, certificates } = await snapshotOf(t, DEBIAN)
    const https = by(sites, ({ listens }) => listens.includes('443 ssl http2'))
    assert.deepEqual(https.names, ['shop.example.org', 'www.shop.example.org'])
    assert.deepEqual(
      https.upstreams.map(({ location, target, members }) => [location, target, members.length]),
      [
        ['/api/', 'http://shop_app', 3],
        ['~ \\.php$', 'unix:/run/php/php8.2-fpm.sock', 0],
        ['/old/', 'http://127.0.0.1:9999/', 0],
      ],
    )
    assert.match(https.health.why, /nothing listens behind unix:\/run\/shop.sock/)
    assert.match(
      by(sites, ({ listens }) => listens.includes('8080 default_server')).health.why,
      /does not listen on port 8080/,
    )
    const [certificate] = certificates
    assert.deepEqual(
      [certificates.length, certificate?.subject, certificate?.health.state],
      [1, 'shop.example.org', 'ok'],
    )
    assert.deepEqual(certificate?.usedBy, ['shop.example.org', 'www.shop.example.org'])
  })

  it('its stores, with what is wrong with them', async (t) => {
    const { stores } = await snapshotOf(t, DEBIAN)
    const postgres = by(stores, ({ software }) => software === 'postgresql')
    assert.deepEqual(
      [postgres.version, postgres.dataDirectory, postgres.connections],
      ['15.8', '/var/lib/postgresql/15/main', { used: 3, most: 3 }],
    )
    assert.match(postgres.health.why, /3 of 3 connections/)
    const [inContainer, ofHost] = stores.filter(({ software }) => software === 'redis')
    assert.deepEqual(
      [inContainer?.owner, inContainer?.config, inContainer?.version],
      [{ kind: 'container', name: '4f4f4f4f4f4f' }, undefined, undefined],
    )
    assert.deepEqual(
      [ofHost?.owner?.name, ofHost?.version, ofHost?.settings.maxmemory, ofHost?.health.state],
      ['redis-server.service', '7.0.15', '256mb', 'failed'],
    )
  })

  it('its schedules and supervised programs', async (t) => {
    const { schedules, supervised } = await snapshotOf(t, DEBIAN)
    const health = Object.fromEntries(
      schedules.map(({ name, health: { state, why } }) => [name, state === 'ok' ? state : why]),
    )
    assert.deepEqual(health, {
      'report.timer': 'result exit-code, status 2',
      '/etc/crontab:5': 'ok',
      '/etc/cron.d/backup:1': 'its program does not exist',
      '/etc/cron.d/backup:2': 'its user does not exist',
      '/var/spool/cron/crontabs/deploy:1': 'ok',
      '/var/spool/cron/crontabs/deploy:2': 'its program does not exist',
    })
    assert.equal(by(schedules, ({ name }) => name === 'report.timer').next, Date.UTC(2024, 5, 11, 3))
    assert.deepEqual(
      supervised.map(({ name, pids, health: { state } }) => [name, pids, state]),
      [
        ['worker', [800], 'ok'],
        ['mailer', [], 'failed'],
      ],
    )
  })

  it('its packages, mounts, deploys and changes', async (t) => {
    const { packages, mounts, deploys, changes } = await snapshotOf(t, DEBIAN)
    assert.deepEqual(
      [packages.manager, packages.count, packages.health.state, packages.broken],
      ['dpkg', 7, 'failed', ['openjdk-17-jre-headless 17.0.12+7-2~deb12u1: install ok half-configured']],
    )
    assert.deepEqual(
      mounts.map(({ path, health: { state } }) => [path, state]),
      [
        ['/', 'failed'],
        ['/srv/photos', 'ok'],
        ['/srv/data', 'failed'],
      ],
    )
    assert.deepEqual(
      deploys.map(({ directory, commit, branch, usedBy }) => [directory, commit, branch, usedBy]),
      [['/srv/shop', COMMIT, 'main', ['shop.service']]],
    )
    const upgrade = by(changes, ({ subject }) => subject === 'nginx')
    assert.deepEqual(
      [upgrade.from, upgrade.to, upgrade.by],
      ['1.22.1-9+deb12u2', '1.22.1-9+deb12u3', 'apt-get -y upgrade nginx, by deploy (1000)'],
    )
    assert.ok(changes.some(({ kind, to }) => kind === 'deploy' && to === COMMIT))
  })

  it('tells no secret', async (t) => {
    const said = JSON.stringify(await snapshotOf(t, DEBIAN))
    for (const secret of [
      GITHUB,
      's3cretS3cretValue',
      'hunter2hunter2',
      'correct-horse-battery-staple',
      '123456789abcdef',
    ])
      assert.ok(!said.includes(secret), secret)
    assert.match(said, /\[redacted:/)
  })
})

describe('other distributions', () => {
  it('Ubuntu with Apache that does not run', async (t) => {
    const { sites, packages, host } = await snapshotOf(t, { distribution: 'ubuntu-24' })
    assert.equal(host.os.name, 'Ubuntu 24.04.1 LTS')
    assert.deepEqual(
      sites.map(({ names, root, health: { state } }) => [names, root, state]),
      [
        [['blog.example.org', 'www.blog.example.org', 'old.blog.example.org'], '/var/www/blog site', 'stopped'],
        [['api.example.org'], undefined, 'stopped'],
      ],
    )
    assert.deepEqual(
      sites.map(({ upstreams }) => upstreams.map(({ location, target, members }) => [location, target, ...members])),
      [
        [['/', 'unix:/run/php/php8.3-fpm.sock|fcgi://localhost']],
        [
          ['/', 'balancer://app/', 'http://127.0.0.1:8001', 'http://127.0.0.1:8002'],
          ['/ws', 'ws://localhost:8003/'],
        ],
      ],
    )
    assert.deepEqual([packages.upgrades, packages.rebootRequired], [{ all: 37, security: 12 }, true])
  })

  it('Rocky with httpd and MariaDB', async (t) => {
    const cgroup = '/system.slice/mariadb.service'
    const { sites, packages, stores, schedules, changes } = await snapshotOf(t, {
      distribution: 'rocky-9',
      processes: {
        1: { name: 'systemd', parent: 0, cgroup: '/init.scope' },
        50: {
          name: 'mariadbd',
          argv: ['/usr/libexec/mariadbd', '--basedir=/usr'],
          exe: '/usr/libexec/mariadbd',
          uid: 27,
          cgroup,
        },
        60: { name: 'httpd', exe: '/usr/sbin/httpd', sockets: [80], cgroup: '/system.slice/httpd.service' },
      },
      files: { 'proc/net/tcp': tcpLine(80, 80) },
    })
    assert.deepEqual([packages.manager, packages.installed.httpd], ['rpm', '2.4.57-11.el9_4.1'])
    assert.deepEqual(
      sites.map(({ names, health: { state } }) => [names, state]),
      [[['app.example.net'], 'ok']],
    )
    const mariadb = by(stores, ({ software }) => software === 'mariadb')
    assert.deepEqual(
      [mariadb.version, mariadb.settings['bind-address'], mariadb.dataDirectory],
      ['10.5.22', '0.0.0.0', '/var/lib/mysql'],
    )
    assert.deepEqual(
      schedules.map(({ name, user, health: { state } }) => [name, user, state]),
      [['/var/spool/cron/root:1', 'root', 'stopped']],
    )
    assert.ok(changes.some(({ subject, from }) => subject === 'telnet' && from === '1:0.17-85.el9'))
  })

  it('Alpine with OpenRC and Caddy', async (t) => {
    const { host, units, sites, runtimes, packages, schedules } = await snapshotOf(t, {
      distribution: 'alpine-3.20',
      processes: {
        1: { name: 'init', exe: '/bin/busybox', parent: 0 },
        30: {
          name: 'crond',
          argv: ['/usr/sbin/crond', '-c', '/etc/crontabs'],
          exe: '/bin/busybox',
          cgroup: '/openrc.crond',
        },
        40: {
          name: 'caddy',
          argv: ['/usr/sbin/caddy', 'run', '--config', '/etc/caddy/Caddyfile'],
          exe: '/usr/sbin/caddy',
          cgroup: '/openrc.caddy',
          sockets: [443],
        },
        41: {
          name: 'node',
          argv: ['node', '/srv/app/x.js'],
          exe: '/usr/bin/node',
          cgroup: '/openrc.api',
          sockets: [3000],
        },
      },
      files: { 'proc/net/tcp': [tcpLine(443, 443), tcpLine(3000, 3000)].join('\n') },
    })
    assert.equal(host.init, 'openrc')
    assert.deepEqual(
      units.map(({ id, health: { state } }) => [id, state]),
      [
        ['caddy', 'ok'],
        ['crond', 'ok'],
        ['mailer', 'failed'],
        ['sshd', 'stopped'],
        ['web', 'failed'],
      ],
    )
    assert.deepEqual(
      sites.map(({ names, health: { why } }) => [names, why]),
      [
        [['app.example.com', 'www.app.example.com'], 'nothing listens behind 127.0.0.1:9100'],
        [['plain.example.com'], 'caddy does not listen on port 8080: not reloaded, or failed to'],
        [['php.example.com'], 'nothing listens behind unix//run/php-fpm.sock'],
      ],
    )
    assert.deepEqual(
      [runtimes.find(({ runtime }) => runtime === 'node')?.version, packages.installed.caddy],
      ['20.15.1', '2.7.6-r6'],
    )
    assert.deepEqual(
      schedules.map(({ when, health: { state } }) => [when, state]),
      [['*/15 * * * *', 'ok']],
    )
  })

  it('Amazon Linux, its packages with the version in their names', async (t) => {
    const { stores, runtimes, changes } = await snapshotOf(t, {
      distribution: 'amazon-2023',
      processes: {
        1: { name: 'systemd', parent: 0, cgroup: '/init.scope' },
        20: {
          name: 'redis6-server',
          argv: ['/usr/bin/redis6-server 0.0.0.0:6379'],
          exe: '/usr/bin/redis6-server',
          cgroup: '/system.slice/redis6.service',
        },
        21: { name: 'node', argv: ['node', 'x.js'], exe: '/usr/bin/node-20', cgroup: '/system.slice/x.service' },
      },
    })
    assert.deepEqual(
      stores.map(({ software, version, settings }) => [software, version, settings.bind]),
      [['redis', '6.2.14', '0.0.0.0']],
    )
    assert.equal(runtimes[0]?.version, '20.12.2')
    assert.ok(changes.some(({ subject, to }) => subject === 'redis6' && to === '6.2.14-1.amzn2023.0.1'))
  })

  it('a host of which nothing can be read says so, and no more', async (t) => {
    const snapshot = await snapshotOf(t, {})
    assert.deepEqual([snapshot.units, snapshot.sites, snapshot.packages.health.state], [[], [], 'unknown'])
  })
})

describe('the difference of two snapshots', () => {
  const changed = (snapshot: Snapshot): Snapshot => {
    const after = structuredClone(snapshot)
    after.at += 60_000
    after.units = after.units.filter(({ id }) => id !== 'billing.service')
    const nginx = by(after.units, ({ id }) => id === 'nginx.service')
    Object.assign(nginx, { mainPid: 7_000, memory: 1, cpuMs: 999 })
    after.listeners.push({ protocol: 'tcp', address: '0.0.0.0', port: 4444, process: 'nc' })
    after.packages.installed.nginx = '1.24.0-1'
    delete after.packages.installed['redis-server']
    by(after.certificates, () => true).fingerprint = 'ff'
    return after
  }
  it('names what came, went and changed, and not what moves by itself', async (t) => {
    const before = await snapshotOf(t, DEBIAN)
    assert.deepEqual(diffSnapshots(before, before).sections, {})
    const { sections } = diffSnapshots(before, changed(before))
    assert.deepEqual(Object.keys(sections), ['units', 'listeners', 'certificates', 'packages'])
    assert.deepEqual(sections.units, {
      came: [],
      went: ['billing.service'],
      changed: [{ key: 'nginx.service', fields: { process: { before: '700', after: '7000' } } }],
    })
    assert.deepEqual(sections.listeners?.came, ['tcp 0.0.0.0:4444'])
    assert.deepEqual(sections.packages, {
      came: [],
      went: ['redis-server'],
      changed: [{ key: 'nginx', fields: { version: { before: '1.22.1-9+deb12u3', after: '1.24.0-1' } } }],
    })
  })
})
