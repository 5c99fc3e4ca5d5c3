// Where an installation lies (install/agent/README.md). The only place in the agent that names these paths.
import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

export type Layout = ReturnType<typeof layoutUnder>

export const ACCOUNT = 'mttrly'
export const INSPECT_ACCOUNT = 'mttrly-inspect'
export const DOCKER_ACCOUNT = 'mttrly-docker'

/** @param root `/`, or a directory that stands in for it */
export function layoutUnder(root: string) {
  const at = (path: string): string => join(root, path)
  return {
    root,
    home: at('opt/mttrly'),
    versions: at('opt/mttrly/versions'),
    runtimes: at('opt/mttrly/runtime'),
    /** Link to the version in use. */
    current: at('opt/mttrly/current'),
    staging: at('opt/mttrly/.staging'),
    config: at('etc/mttrly'),
    policy: at('etc/mttrly/policy.yaml'),
    state: at('var/lib/mttrly'),
    identity: at('var/lib/mttrly/identity.json'),
    act: at('var/lib/mttrly-act'),
    units: at('etc/systemd/system'),
    sockets: at('run/mttrly'),
    runtime: at('run/mttrly-agent'),
    passwd: at('etc/passwd'),
    group: at('etc/group'),
    /** How the daemon's link is (agent/identity/link-state.ts). */
    linkReport: at('run/mttrly-agent/link.json'),
    command: at('usr/local/sbin/mttrly-agent'),
    releaseKey: at('var/lib/mttrly-act/release-key.pem'),
    centralUrl: at('var/lib/mttrly-act/central.url'),
    trust: at('var/lib/mttrly-act/trust.json'),
    /** Of the redaction markers. */
    hostKey: at('var/lib/mttrly-act/host-key'),
    record: at('var/lib/mttrly-act/installed.json'),
    /** What the update under way has reached. */
    update: at('var/lib/mttrly-act/update.json'),
    /** The highest minimum version that a manifest has told this host. */
    minimumVersion: at('var/lib/mttrly-act/minimum-version'),
  }
}

/** What is locked by whoever changes an installation (install.sh does the same): nobody else can even open it, once it is ours. */
export const lockIn = ({ record, act, home }: Layout): string => (existsSync(record) ? act : dirname(home))

/** A path of that layout as it is called on a host. */
export const placeOf = ({ root }: Layout, path: string): string => join('/', relative(root, path))
