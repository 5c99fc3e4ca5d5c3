// How the link is, for those on the host who want to know: the installer, the health gate of an update, the doctor.
// systemd makes the directory for the service and empties it when the service ends, so what is in it is never stale.
import { join } from 'node:path'
import { readIfThere, replaceFile } from '../files/durable-file.ts'
import type { LinkState } from '../link/reconnect.ts'
import type { Trouble } from '../link/trouble.ts'

/** `trouble` is there while only a person can mend what keeps the link down. */
export type LinkReport = { state: LinkState; since: number; pid: number; version: string; trouble?: Trouble }

/** Of the unit (`RuntimeDirectory=`). */
export const RUNTIME_DIRECTORY = '/run/mttrly-agent'

const EVERYBODY = 0o644
const fileIn = (directory: string): string => join(directory, 'link.json')

export const reportLink = (directory: string, report: LinkReport): void =>
  replaceFile(fileIn(directory), JSON.stringify(report), EVERYBODY)

/** Undefined when no installed agent runs. */
export function readLinkReport(directory = RUNTIME_DIRECTORY): LinkReport | undefined {
  const bytes = readIfThere(fileIn(directory))
  return bytes && (JSON.parse(bytes.toString('utf8')) as LinkReport)
}
