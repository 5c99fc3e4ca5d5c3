import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { linkHostOf } from '../../central/app.ts'
import { ConfigError, loadConfig } from '../../central/config.ts'

const urlOf = (url: string) => loadConfig(['--public-url', url], {}).publicUrl

describe('settings', () => {
  test('flags go before the environment, and that before the defaults', () => {
    const env = { MTTRLY_HTTP_PORT: '9001', MTTRLY_GRPC_PORT: '9002' }
    const config = loadConfig(['--http-port', '9000'], env)
    assert.deepEqual([config.http.port, config.grpc.port, config.http.host], [9000, 9002, '127.0.0.1'])
  })

  const bad: [string, string[], Record<string, string>][] = [
    ['an empty port, which is not "any port"', [], { MTTRLY_HTTP_PORT: '' }],
    ['a port in another notation', ['--http-port', '0x50'], {}],
    ['a port with a fraction', ['--http-port', '80.5'], {}],
    ['a port that is none', ['--grpc-port', '65536'], {}],
    ['an empty address, which would be every address', [], { MTTRLY_HTTP_HOST: '' }],
    ['an empty directory, which would be the present one', ['--data', ''], {}],
    ['no calls at all', ['--calls-per-minute', '0'], {}],
    ['a switch that is neither on nor off', ['--trust-proxy', 'maybe'], {}],
    ['a database of another kind', ['--database', 'mysql://x'], {}],
    ['a link address without a port', ['--link-address', 'central.example.com'], {}],
    ['a link address with a scheme', ['--link-address', 'https://central.example.com:1'], {}],
    ['a public URL with a path', ['--public-url', 'https://x.example.com/mttrly'], {}],
    ['a public URL with a query', ['--public-url', 'https://x.example.com/?a=1'], {}],
    ['a public URL with a password', ['--public-url', 'https://u:p@x.example.com'], {}],
    ['a public URL over plain http', ['--public-url', 'http://x.example.com'], {}],
    ['a public URL of another kind', ['--public-url', 'ftp://localhost'], {}],
    ['a flag that does not exist', ['--public-ulr', 'https://x.example.com'], {}],
  ]
  for (const [name, argv, env] of bad) {
    test(`${name} stops the start`, () => assert.throws(() => loadConfig(argv, env), ConfigError))
  }

  test('the public URL is kept as an origin', () => {
    assert.equal(urlOf('HTTPS://Central.Example.com:443/'), 'https://central.example.com')
    assert.equal(urlOf('http://localhost:8080/'), 'http://localhost:8080')
    assert.equal(urlOf('https://x.example.com:8443'), 'https://x.example.com:8443')
  })

  for (const [spelling, on] of [
    ['true', true],
    ['1', true],
    ['yes', true],
    ['on', true],
    ['false', false],
    ['0', false],
    ['no', false],
    ['off', false],
  ] as const) {
    test(`a switch set to ${spelling} is ${on ? 'on' : 'off'}`, () => {
      const config = loadConfig(['--trust-proxy', spelling, '--client-id-documents', spelling], {})
      assert.deepEqual([config.trustProxy, config.clientIdDocuments], [on, on])
    })
  }
})

test('agents are told a name that leads here', () => {
  const told = (argv: string[]) => linkHostOf(loadConfig(argv, {}), 'https://central.example.com')
  assert.equal(told([]), '127.0.0.1')
  assert.equal(told(['--grpc-host', '0.0.0.0']), 'central.example.com')
  assert.equal(told(['--grpc-host', '0.0.0.0', '--link-address', 'link.example.com:443']), 'link.example.com')
  assert.equal(told(['--link-address', '[2001:db8::1]:8443']), '2001:db8::1')
})
