// An agent for line 1: its own enrolment, link, dispatch and capabilities; only the lane process is replaced, by an answer
// in this process that sends two kilobytes of a log through the lane's real redactor.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHandle } from '../../../agent/calls.ts'
import { createCapabilities } from '../../../agent/capabilities/index.ts'
import { enrol } from '../../../agent/enrol.ts'
import { certificates } from '../../../agent/identity/certificates.ts'
import { createIdentityStore } from '../../../agent/identity/identity.ts'
import type { Lanes } from '../../../agent/lanes/lanes.ts'
import { createOutput } from '../../../agent/lanes/output.ts'
import { emptyOutcome } from '../../../agent/lanes/words.ts'
import { connectLink } from '../../../agent/link/connect.ts'
import { readHostFacts } from '../../../agent/link/hello.ts'
import { createSampler } from '../../../agent/link/host-sample.ts'
import { createLink } from '../../../agent/link/link.ts'
import { createRenewal } from '../../../agent/link/renewal.ts'
import { ordinaryLog } from '../redaction.ts'
import { answer } from './process.ts'

const OUTPUT = ordinaryLog(2_000)
const hostKey = Buffer.alloc(32, 7)
const clock = { now: () => Date.now() }
const log = { info() {}, warn() {}, error: (fields: object, message: string) => console.error(message, fields) }
const unused = (): never => {
  throw new Error('not in this benchmark')
}

const read: Lanes['read'] = async (_request, io) => {
  const startedAt = clock.now()
  const take = async (offset: number, data: Buffer) => {
    await io.onOutput(offset, data)
    return true
  }
  const output = createOutput({ hostKey, take })
  await output.write(OUTPUT)
  const totals = await output.end()
  const ended = emptyOutcome('RUN_STATE_EXITED', '')
  return { kind: 'outcome', outcome: { ...ended, ...totals, startedAt, isolation: 'ISOLATION_BUBBLEWRAP' } }
}

const capabilities = createCapabilities({
  lanes: {
    read,
    inspect: unused,
    installation: unused,
    files: unused,
    reality: unused,
    diagnose: unused,
    docker: unused,
    containers: unused,
    act: unused,
    forget: unused,
    probe: unused,
    stop: async () => {},
  },
  contained: () => true,
  engine: () => false,
})

async function start({ central, token }: { central: string; token: string }): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-bench-agent-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const enrolled = await enrol({ central, token, dataDirectory: directory, replace: false, now: clock.now() })
  if (!enrolled.ok) throw new Error(`not enrolled: ${enrolled.why} ${enrolled.detail}`)
  const store = createIdentityStore({ directory })
  const identity = store.read()
  if (!identity) throw new Error('no identity')
  const lanes = [{ name: 'read', isolation: 'ISOLATION_BUBBLEWRAP' as const }]
  const facts = { ...readHostFacts({ root: '/', version: '0.1.0' }), shell: '/bin/sh', lanes, unacknowledged: [] }
  const link = createLink({
    clock,
    log,
    connect: connectLink,
    hello: () => facts,
    renewal: createRenewal({ store, identity, clock, log, certificates }),
    random: Math.random,
    handle: createHandle({
      capabilities,
      journal: { perform: unused, recover: unused, unacknowledged: () => [], acknowledge: unused },
      clock,
    }),
    sample: createSampler({ root: '/', clock }),
    acknowledge: async () => {},
  })
  void link.run()
  return enrolled.serverId
}

answer({ start })
