// The guard in front of an engine: whatever asks, only the table's requests reach the socket.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestOptions, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import Docker from 'dockerode'
import { refusalOf } from '../../../agent/docker/allowed.ts'
import { createGuard } from '../../../agent/docker/guard.ts'

const REFUSED = [
  '/containers/web/attach',
  '/containers/web/attach/ws?logs=1&stream=1',
  '/containers/web/archive?path=/etc',
  '/containers/web/export',
  '/containers/web/exec',
  '/exec/0123456789ab/json',
  '/images/shop/get',
  '/images/get?names=shop',
  '/images/search?term=x',
  '/configs',
  '/secrets',
  '/session',
  '/swarm/unlockkey',
  '/plugins',
  '/v1.41/containers/json',
  '/containers/../exec/json',
  '/containers/web/../web/export',
  '/containers/web%2f..%2fexport/json',
  '/containers/%77eb/json',
  '/containers/..%2fimages/json',
  '/containers//json',
  '/containers/.web/json',
  '//containers/json',
  'http://elsewhere/containers/json',
  '/images/a/../../containers/web/export/json',
  '/images/a%2fb/json',
  '/containers/web/json/',
  '/containers/web/json\r\n',
  '/containers/web/json?size=1?x',
  '/containers/web/json#/export',
  '/containers/web/logs?follow=1&stdout=1',
  '/containers/web/logs?stdout=1&stdout=true',
  '/containers/web/logs?tail=-1',
  '/containers/web/top?ps_args=-eo%20environ',
  '/containers/web/stats',
  '/containers/web/stats?stream=true',
  '/containers/web/stats?stream=false&stream=true',
  '/events',
  '/events?since=1',
  '/containers/json?filters={"label":{"a":{"b":"\u0000"}}}',
]
const ALLOWED = [
  '/version',
  '/info',
  '/system/df',
  '/containers/json?all=true&filters=%7B%22status%22%3A%5B%22exited%22%5D%7D',
  '/containers/web_1.x-y/json',
  '/containers/0123456789ab/logs?stdout=true&stderr=true&tail=100&since=1767225600',
  '/containers/web/top',
  '/containers/web/changes',
  '/containers/web/stats?stream=false',
  '/images/json?all=false',
  '/images/registry.example.com:5000/team/app:1.2/json',
  `/images/app@sha256:${'0'.repeat(64)}/json`,
  '/images/app/history',
  '/networks',
  '/volumes/data',
  '/events?since=1&until=2',
]
const plain = (path: string, method = 'GET', headers: string[] = ['Host']) => refusalOf({ method, path, headers })

describe('the table of what may be asked', () => {
  test('has what a look needs', () => {
    for (const path of ALLOWED) assert.equal(plain(path), undefined, path)
  })
  test('refuses the rest, however it is spelled', () => {
    for (const path of REFUSED) assert.notEqual(plain(path), undefined, path)
  })
  test('knows no method but GET, and no request that becomes something else', () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'CONNECT', 'get', 'TRACE'])
      assert.notEqual(plain('/version', method), undefined, method)
    for (const header of ['Upgrade', 'upgrade', 'Transfer-Encoding', 'Content-Length', 'Expect', 'X-Registry-Auth'])
      assert.notEqual(plain('/version', 'GET', ['Host', header]), undefined, header)
  })
})

describe('the guard', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-docker-'))
  const socketPath = join(directory, 'docker.sock')
  const heard: string[] = []
  const engine = createServer((asked, answer) => {
    heard.push(`${asked.method} ${asked.url}`)
    asked.resume()
    answer.setHeader('Content-Type', 'application/json').end('[]')
  })
  before(() => new Promise<void>((resolve) => void engine.listen(socketPath, resolve)))
  after(() => {
    engine.closeAllConnections()
    engine.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const docker = () => new Docker({ protocol: 'http', host: undefined, socketPath, agent: createGuard(socketPath) })
  const send = (options: RequestOptions, body?: string): Promise<string> =>
    new Promise((resolve) => {
      const asked = request({ agent: createGuard(socketPath), socketPath, ...options })
      const fail = (error: Error) => resolve(error.name)
      asked.on('error', fail).on('response', (answer) => void answer.resume().on('end', () => resolve('answered')))
      try {
        asked.end(body)
      } catch (error) {
        fail(error as Error)
      }
    })

  test('lets the table pass', async () => {
    heard.length = 0
    const abortSignal = new AbortController().signal
    await docker().listContainers({ all: true, filters: { label: ['a=b'] }, abortSignal })
    assert.deepEqual(heard, [`GET /containers/json?all=true&filters=${encodeURIComponent('{"label":["a=b"]}')}`])
  })
  test('stops what dockerode itself can do besides', async () => {
    heard.length = 0
    const all = docker() as unknown as Record<string, (...args: unknown[]) => Promise<unknown>> & {
      getContainer(id: string): Record<string, (...args: unknown[]) => Promise<unknown>>
      getImage(name: string): Record<string, (...args: unknown[]) => Promise<unknown>>
    }
    const web = all.getContainer('web')
    for (const [name, act] of Object.entries({
      exec: () => web.exec?.({ Cmd: ['id'] }),
      attach: () => web.attach?.({ stream: true, hijack: true, stdin: true }),
      archive: () => web.getArchive?.({ path: '/etc' }),
      putArchive: () => web.putArchive?.(Buffer.from('x'), { path: '/' }),
      export: () => web.export?.(),
      restart: () => web.restart?.(),
      remove: () => web.remove?.({ force: true }),
      follow: () => web.logs?.({ follow: true, stdout: true }),
      create: () => all.createContainer?.({ Image: 'a' }),
      save: () => all.getImage('shop').get?.(),
      prune: () => all.pruneContainers?.(),
      path: () => all.getContainer('../images/get').inspect?.(),
    }))
      await assert.rejects(async () => act(), Error, name)
    assert.deepEqual(heard, [])
  })
  test('opens no connection for what has not come through it, and lets no body pass', async () => {
    heard.length = 0
    assert.throws(() => createGuard(socketPath).createConnection({} as never), /not through the table/)
    assert.equal(await send({ path: '/version', method: 'POST' }), 'NotAllowed')
    assert.equal(await send({ path: '/version', headers: ['Upgrade', 'tcp'] }), 'NotAllowed')
    assert.notEqual(
      await send({ path: '/version' }, 'POST /containers/web/stop HTTP/1.1\r\nHost: a\r\n\r\n'),
      'answered',
    )
    assert.deepEqual(
      heard.filter((each) => each !== 'GET /version'),
      [],
    )
    assert.equal(await send({ path: '/version' }), 'answered')
  })
})
