// Many connected agents in one process, for line 3. They say hello, beat when told to, and answer pings.
import { setTimeout as sleep } from 'node:timers/promises'
import { createSigningRequest } from '../../../agent/identity/signing-request.ts'
import { createFakeAgent, type FakeAgent } from '../../helpers/fake-agent.ts'
import { answer } from './process.ts'

const AT_ONCE = 16
const { keyPem, csrPem } = createSigningRequest()
const fleets = new Map<number, FakeAgent[]>()

async function connect({ port, caPem, certificates }: { port: number; caPem: string; certificates: string[] }) {
  const agents = fleets.get(port) ?? []
  const left = [...certificates]
  const worker = async () => {
    for (let certificatePem = left.pop(); certificatePem; certificatePem = left.pop()) {
      const agent = createFakeAgent({ port, caPem, keyPem, certificatePem })
      await agent.connect()
      agents.push(agent)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  fleets.set(port, agents)
}

/** Each agent beats `times` times, spread evenly over `ms`. */
async function beat({ port, times, ms }: { port: number; times: number; ms: number }): Promise<number> {
  const agents = fleets.get(port) ?? []
  const all = agents.length * times
  const start = performance.now()
  for (let sent = 0; sent < all; ) {
    const due = Math.min(all, Math.ceil(((performance.now() - start) / ms) * all))
    for (; sent < due; sent++) agents[sent % agents.length]?.heartbeat()
    await sleep(2)
  }
  return all
}

answer({ csr: () => csrPem, connect, beat })
