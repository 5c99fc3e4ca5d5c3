// What a lane knows of its host, read from its arguments and the data directory. A lane reads no environment.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createOnce, readIfThere } from '../files/durable-file.ts'
import { ownUnit } from './unit.ts'

export type LaneSettings = {
  dataDirectory: string
  /** Of the act lane alone: pinned trust, spent nonces, outcomes. */
  actDirectory: string
  configDirectory: string
  /** More paths that the read lane does not see. */
  hidden: readonly string[]
  shell: string
  /** Of the redaction markers: 32 random bytes that never leave this host. */
  hostKey: Buffer
  /** The cgroup of this lane's own unit, where systemd started it. */
  unit: string | undefined
  /** Of the probe alone: the lanes' sockets, and a directory that everybody may enter. */
  sockets: string | undefined
  runtime: string | undefined
}

export const hostShell = (): string => (existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh')

/** The host's redaction key, made when there is none. */
export function hostKeyIn(dataDirectory: string): Buffer {
  const path = join(dataDirectory, 'host-key')
  const key = readIfThere(path)
  if (key?.length === 32) return key
  createOnce(path, randomBytes(32))
  const made = readIfThere(path)
  if (made?.length !== 32) throw new Error('the host key is damaged')
  return made
}

/** The arguments that `laneSettings` reads. */
export const laneArguments = (
  from: Pick<LaneSettings, 'dataDirectory' | 'configDirectory' | 'hidden'> &
    Partial<Pick<LaneSettings, 'sockets' | 'runtime'>>,
): string[] => [
  ...['--data', from.dataDirectory, '--config', from.configDirectory],
  ...from.hidden.flatMap((path) => ['--hide', path]),
  ...(from.sockets ? ['--sockets', from.sockets] : []),
  ...(from.runtime ? ['--runtime', from.runtime] : []),
]

export function laneSettings(args: readonly string[]): { lane: string; settings: LaneSettings } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      act: { type: 'string' },
      config: { type: 'string' },
      hide: { type: 'string', multiple: true },
      unit: { type: 'boolean' },
      sockets: { type: 'string' },
      runtime: { type: 'string' },
    },
  })
  if (!values.data || !values.config) throw new Error('a lane needs --data and --config')
  const [lane = ''] = positionals
  return {
    lane,
    settings: {
      dataDirectory: values.data,
      actDirectory: values.act ?? join(values.data, 'act'),
      configDirectory: values.config,
      hidden: values.hide ?? [],
      shell: hostShell(),
      hostKey: hostKeyIn(values.data),
      unit: values.unit ? ownUnit(lane) : undefined,
      sockets: values.sockets,
      runtime: values.runtime,
    },
  }
}
