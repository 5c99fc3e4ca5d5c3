// The agent's own link, identity and renewal in the test's process, against the real relay: nothing of it is a stand-in but the
// host. It does no work.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificates } from '../../agent/identity/certificates.ts'
import { createIdentityStore, type Identity } from '../../agent/identity/identity.ts'
import { connectLink } from '../../agent/link/connect.ts'
import { createLink } from '../../agent/link/link.ts'
import { createRenewal } from '../../agent/link/renewal.ts'
import type { Trouble } from '../../agent/link/trouble.ts'
import { helloOf } from './fake-agent.ts'
import type { BootedFleet, TestClock } from './fleet.ts'

/** A line of the agent's log. */
type Said = { message: string; fields: Record<string, unknown> }

/** A host that is enrolled at `booted`, by a token of its own or by one that is given. Its link is not started. */
export async function enrolAgent(booted: BootedFleet, options: { token?: string; clock?: TestClock } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-agent-link-'))
  const { clock = booted.clock } = options
  const store = createIdentityStore({ directory })
  const log: Said[] = []
  const say = (fields: object, message: string) => void log.push({ message, fields: { ...fields } })
  let running: { link: ReturnType<typeof createLink>; over: Promise<void> } | undefined
  let trouble: Trouble | undefined

  async function enrol(token?: string): Promise<void> {
    const { workspaceId, fleet } = booted
    const made = token ?? (await fleet.createInstallToken({ workspaceId, createdBy: 'usr_test' })).token
    const { keyPem, csrPem } = certificates.createSigningRequest()
    const answer = await fleet.enrol({ token: made, csr_pem: csrPem, hostname: 'web-1' })
    store.write({
      ...{ keyPem, serverId: answer.server_id, certificatePem: answer.certificate_pem },
      ...{ caPem: answer.ca_pem, linkAddress: answer.link_address },
    })
    store.withdraw()
  }
  await enrol(options.token)

  const identity = (): Identity => {
    const read = store.read()
    if (!read) throw new Error('not enrolled')
    return read
  }
  return {
    store,
    log,
    identity,
    enrol,
    believes: () => certificates.fingerprintsOf(identity().caPem),
    trouble: () => trouble,
    state: () => running?.link.state(),
    start(): void {
      const link = createLink({
        ...{ clock, connect: connectLink, random: Math.random },
        log: { info: say, warn: say, error: say },
        hello: () => helloOf(`instance-of-${directory}`),
        renewal: createRenewal({
          ...{ store, clock, certificates, identity: identity() },
          log: { info: say, warn: say, error: say },
        }),
        handle: async () => ({ kind: 'body', body: Buffer.alloc(0) }),
        sample: async () => ({}),
        acknowledge: async () => {},
        onState: (_state, why) => {
          trouble = why
        },
      })
      running = { link, over: link.run() }
    },
    async stop(): Promise<void> {
      running?.link.stop()
      await running?.over
      running = undefined
    },
    async remove(): Promise<void> {
      await this.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
export type TestAgent = Awaited<ReturnType<typeof enrolAgent>>
