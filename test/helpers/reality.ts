// A snapshot of a small host, for tests that need one to keep, compare or show.
import { Snapshot } from '#proto/contract/reality.ts'

const AT = Date.UTC(2026, 10, 22)
const evidence = (source: string) => ({ source, at: AT })
const ok = (source: string) => ({ state: 'ok' as const, why: 'runs', evidence: evidence(source) })

export const unit = (id: string, over: object = {}) => ({
  id,
  kind: 'service' as const,
  description: id,
  load: 'loaded',
  active: 'active',
  sub: 'running',
  startup: 'enabled',
  result: 'success',
  restarts: 0,
  dropIns: [],
  triggers: [],
  health: ok('systemctl show'),
  ...over,
})

export const failed = (why: string) => ({ state: 'failed' as const, why, evidence: evidence('systemctl show') })

export const listener = (port: number, name: string) => ({
  protocol: 'tcp' as const,
  address: '0.0.0.0',
  port,
  owner: { kind: 'unit' as const, name },
  ownerFrom: 'ss',
})

export const snapshot = (over: Partial<Snapshot> = {}): Snapshot =>
  Snapshot.parse({
    at: AT,
    tookMs: 5,
    host: {
      hostname: 'web-1',
      os: { id: 'debian', version: '12', name: 'Debian 12' },
      kernel: '6.1',
      architecture: 'x86_64',
      bootedAt: AT - 1_000,
      bootId: 'b',
      init: 'systemd',
      processes: 10,
      processStates: { S: 10 },
      sockets: {},
    },
    units: [unit('nginx.service'), unit('shop.service')],
    processes: [],
    listeners: [listener(80, 'nginx.service')],
    runtimes: [],
    sites: [],
    stores: [],
    schedules: [],
    supervised: [],
    certificates: [],
    mounts: [],
    packages: {
      manager: 'dpkg',
      count: 2,
      broken: [],
      rebootRequired: false,
      installed: { nginx: '1.22', redis: '7.0' },
      health: ok('/var/lib/dpkg/status'),
    },
    deploys: [],
    changes: [],
    containers: null,
    omitted: {},
    gaps: [{ what: '/home', why: 'not visible' }],
    ...over,
  })
