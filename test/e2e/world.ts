// Central, one server with the real agent, an owner and a client: what most end-to-end tests stand on.
import assert from 'node:assert/strict'
import { bootCentral } from '../helpers/boot-central.ts'
import { createCleanup } from '../helpers/cleanup.ts'
import { createTestClock } from '../helpers/fleet.ts'
import { connectMcp, type Mcp, type McpOptions } from '../helpers/mcp.ts'
import type { Person } from '../helpers/person.ts'
import { startHost } from './host.ts'

type BootOptions = NonNullable<Parameters<typeof bootCentral>[1]>

export async function startWorld(options: BootOptions = {}) {
  const cleanup = createCleanup()
  try {
    return await build(options, cleanup)
  } catch (error) {
    await cleanup.run().catch(() => {})
    throw error
  }
}

async function build(options: BootOptions, cleanup: ReturnType<typeof createCleanup>) {
  const clock = createTestClock()
  const booted = await bootCentral(cleanup, { ...options, outside: { clock, ...options.outside } })
  const owner = await booted.member('owner')
  const key = await booted.apiKey(owner.userId)
  const host = await startHost(cleanup, booted)
  const connect = async (mcpOptions: McpOptions = {}, token = key): Promise<Mcp> => {
    const mcp = await connectMcp(booted.url, token, mcpOptions)
    cleanup.after(() => mcp.close())
    return mcp
  }
  const mcp = await connect()
  let people = 0

  const world = {
    booted,
    clock,
    owner,
    key,
    host,
    mcp,
    connect,
    after: cleanup.after,
    removeAfter: cleanup.removeAfter,
    stop: cleanup.run,

    /** Somebody who may decide and is signed in; a code is good once, so each approval takes a person of its own. */
    async approver(): Promise<Person> {
      people += 1
      const person = await booted.member(`approver${people}`, 'approver')
      await person.signIn()
      return person
    },

    /** Asks for a command that must wait, and hands back its id. */
    async ask(command: string, more: Record<string, unknown> = {}, client = mcp): Promise<string> {
      const asked = await client.value('execute_command', { server_id: host.serverId, command, ...more })
      assert.equal(asked.status, 'pending_approval', JSON.stringify(asked))
      return String(asked.action_id)
    },

    /** A person approves on the page; the test goes on as soon as the page has answered. */
    async approve(actionId: string): Promise<void> {
      const answer = await (await world.approver()).decide(actionId, 'approve')
      assert.equal(answer.status, 303, await answer.text())
    },

    /** The action at its end. */
    async ended(actionId: string): Promise<Record<string, unknown>> {
      for (;;) {
        const found = await mcp.value('get_action_result', { action_id: actionId, wait_s: 40 })
        if (found.status === 'pending_approval') throw new Error('nobody has approved it')
        if (found.status !== 'approved' && found.status !== 'running') return found
      }
    },

    /** All kept output of an action, page by page. */
    async output(actionId: string, pageBytes?: number): Promise<string> {
      const pages: string[] = []
      for (let offset: number | null = 0; offset !== null; ) {
        const page: Record<string, unknown> = await mcp.value('get_action_result', {
          action_id: actionId,
          offset,
          ...(pageBytes && { max_bytes: pageBytes }),
        })
        assert.equal(page.output_offset, offset)
        pages.push(String(page.output))
        offset = page.next_offset as number | null
      }
      return pages.join('')
    },
  }
  return world
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** For `skip`: without a sandbox every command waits for a person, and what needs none cannot be shown. */
export const isContained = async ({ booted, host }: World): Promise<boolean> =>
  (await booted.central.fleet.get(booted.workspaceId, host.serverId))?.lanes.some(
    ({ name, isolation }) => name === 'read' && isolation !== 'none',
  ) ?? false
