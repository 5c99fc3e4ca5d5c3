import { createRequire } from 'node:module'

/** Release of Central, as in package.json; shown to clients, never compared. */
export const VERSION: string = createRequire(import.meta.url)('../../package.json').version
