import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Booted, bootConsole } from './boot-console.ts'

/** A console that listens, and a reader of its news: events by name, undefined at the end. */
async function listen() {
  const central = await bootConsole()
  const url = await central.app.listen({ port: 0, host: '127.0.0.1' })
  const anna = await central.signIn('usr_anna')
  const gone = new AbortController()
  async function follow(query = '') {
    const answer = await fetch(`${url}/events${query}`, { headers: { cookie: anna.cookie }, signal: gone.signal })
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    async function next(): Promise<string | undefined> {
      for (;;) {
        const event = /event: (\w+)\n.*?\n\n/s.exec(text)
        if (event) {
          text = text.slice(event.index + event[0].length)
          return event[1]
        }
        const part = await reader?.read()
        if (!part || part.done) return undefined
        text += part.value
      }
    }
    return { answer, next }
  }
  const close = async () => {
    gone.abort()
    await central.close()
  }
  return { central, follow, close }
}

const presence = ({ bus }: Booted, server_id: string) => bus.publish('presence', { server_id, online: true })

test('news carry no data, and concern this workspace alone', async () => {
  const { central, follow, close } = await listen()
  const { answer, next } = await follow()
  assert.equal(answer.headers.get('content-type'), 'text/event-stream')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  presence(central, 'srv_of_somebody_else')
  central.bus.publish('actions', { workspace_id: 'wsp_2', action_id: 'act_1', state: 'approved' })
  presence(central, 'srv_1')
  assert.equal(await next(), 'change')
  // Had the foreign ones been told, another event would stand before the end.
  const ended = next()
  await central.app.close()
  assert.equal(await ended, undefined)
  await close()
})

test('a page of one action hears what becomes of it, and nobody hears of an action that is not theirs', async () => {
  const { central, follow, close } = await listen()
  const { id } = await central.ask()
  const { next } = await follow(`?action=${id}`)
  central.bus.publish(`action:${id}`, { state: 'running' })
  assert.equal(await next(), 'change')
  assert.equal((await follow('?action=act_unknown')).answer.status, 404)
  await close()
})

test('a session has so many streams and no more', async () => {
  const { follow, close } = await listen()
  const opened = await Promise.all(Array.from({ length: 12 }, () => follow()))
  assert.ok(opened.every(({ answer }) => answer.status === 200))
  assert.equal((await follow()).answer.status, 204)
  await close()
})
