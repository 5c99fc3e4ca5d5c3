import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseApache, sitesOfApache } from '../../../agent/reality/web/apache.ts'
import { parseCaddyfile, sitesOfCaddy } from '../../../agent/reality/web/caddy.ts'
import { covers, judgeCertificate, parseCertificate } from '../../../agent/reality/web/certificates.ts'
import { parseNginx, sitesOfNginx } from '../../../agent/reality/web/nginx.ts'
import { localUpstream } from '../../../agent/reality/web/sites.ts'

const VARIABLE = ['$', '{x}y'].join('')

describe('nginx', () => {
  it('reads quotes, escapes, variables in braces and comments', () => {
    assert.deepEqual(parseNginx(`a "b; {" 'c' d\\ e ${VARIABLE}; # no; {\nf{g;}`, 'n'), [
      { name: 'a', args: ['b; {', 'c', 'd e', VARIABLE], file: 'n' },
      { name: 'f', args: [], file: 'n', block: [{ name: 'g', args: [], file: 'n' }] },
    ])
  })
  it('shows what a broken file holds', () => {
    assert.deepEqual(
      parseNginx('} listen 80; server { listen 81; "open', 'n').map(({ name }) => name),
      ['listen', 'server'],
    )
  })
  it('finds streams, too', () => {
    const [site] = sitesOfNginx(
      parseNginx('stream { upstream db { server 10.0.0.2:5432; } server { listen 5432; proxy_pass db; } }', 'n'),
    )
    assert.deepEqual(site?.upstreams, [{ location: '/', target: 'db', members: ['10.0.0.2:5432'] }])
  })
})

describe('apache', () => {
  it('reads blocks, continued lines, definitions and pools', () => {
    const text = `Define PORT 81
<VirtualHost *:\${PORT}>
  ServerName a.example.org
  ServerAlias b.example.org \\
    c.example.org
  <Proxy balancer://app>
    BalancerMember http://127.0.0.1:8001
  </Proxy>
  ProxyPass /static !
  ProxyPass / balancer://app/
</VirtualHost>`
    assert.deepEqual(sitesOfApache(parseApache(text, 'a')), [
      {
        names: ['a.example.org', 'b.example.org', 'c.example.org'],
        listens: ['*:81'],
        upstreams: [{ location: '/', target: 'balancer://app/', members: ['http://127.0.0.1:8001'] }],
        certificates: [],
        file: 'a',
      },
    ])
  })
})

describe('caddy', () => {
  it('reads a site without braces', () => {
    assert.deepEqual(
      sitesOfCaddy(parseCaddyfile('example.com\nroot * /srv\nreverse_proxy /api/* localhost:5000\n', 'c')),
      [
        {
          names: ['example.com'],
          listens: ['443'],
          root: '/srv',
          upstreams: [{ location: '/api/*', target: 'localhost:5000', members: [] }],
          certificates: [],
          file: 'c',
        },
      ],
    )
  })
  it('knows options from sites, and puts snippets in place', () => {
    const sites = sitesOfCaddy(
      parseCaddyfile(
        '{\n debug\n}\n(common) {\n reverse_proxy :9000\n}\nhttp://a.b:8080,\nc.d {\n import common\n}\n',
        'c',
      ),
    )
    assert.deepEqual(
      sites.map(({ names, listens, upstreams }) => [names, listens, upstreams[0]?.target]),
      [[['a.b', 'c.d'], ['8080', '443'], ':9000']],
    )
  })
})

describe('upstreams', () => {
  it('knows which are on this host', () => {
    const cases: [string, string | undefined][] = [
      ['http://127.0.0.1:3000/', '3000'],
      ['http://localhost', '80'],
      ['https://localhost/x', '443'],
      ['[::1]:9000', '9000'],
      [':9000', '9000'],
      ['127.0.0.1:3000 weight=2', '3000'],
      ['unix:/run/php.sock', '/run/php.sock'],
      ['unix:/run/php.sock|fcgi://localhost', '/run/php.sock'],
      ['unix//run/php.sock', '/run/php.sock'],
      ['http://unix:/run/app.sock:/', '/run/app.sock'],
      ['http://10.0.0.9:80', undefined],
      ['http://localhost.example.org', undefined],
      ['http://$backend', undefined],
    ]
    for (const [target, expected] of cases) assert.equal(localUpstream(target), expected, target)
  })
})

describe('certificates', () => {
  const plain = {
    subject: 'a.example.org',
    issuer: 'ca',
    names: ['a.example.org', '*.example.net'],
    notBefore: 1_000,
    notAfter: 100 * 86_400_000,
    fingerprint: '',
  }
  it('knows what a name covers', () => {
    assert.ok(covers('*.example.net', 'WWW.example.net'))
    assert.ok(!covers('*.example.net', 'a.b.example.net'))
    assert.ok(!covers('*.example.net', 'example.net'))
  })
  it('judges expiry before the names', () => {
    const state = (at: number, names: string[] = []): string => judgeCertificate(plain, names, 'p', at).state
    assert.deepEqual(
      [state(0), state(2_000), state(90 * 86_400_000), state(101 * 86_400_000)],
      ['failed', 'ok', 'degraded', 'failed'],
    )
    assert.deepEqual(
      [state(2_000, ['x.example.net', '_', 'localhost']), state(2_000, ['other.example.org'])],
      ['ok', 'degraded'],
    )
  })
  it('takes no certificate from what is none', () => {
    assert.equal(parseCertificate('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'), undefined)
    assert.equal(parseCertificate('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'), undefined)
  })
})
