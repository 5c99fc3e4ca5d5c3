// Which program this is, and where its files are: sources in a checkout, or the bundle of a release.
import { fileURLToPath } from 'node:url'
import own from '../package.json' with { type: 'json' }

/** As in package.json, or as the release was named. */
export const VERSION: string = own.version

const LANE = import.meta.url.endsWith('.ts') ? './lanes/main.ts' : './lane.mjs'

/** The lane program of the same version. */
export const LANE_PROGRAM: string = fileURLToPath(new URL(LANE, import.meta.url))
