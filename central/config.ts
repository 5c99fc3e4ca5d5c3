// Central's configuration: flags over environment over defaults, validated once, frozen. Nobody else reads process.env.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { RELEASE_KEY_FILE } from '#proto/contract/release.ts'

/** Digits alone: an empty setting must not count as 0, which would mean any port. */
const whole = z.coerce
  .string()
  .regex(/^\d{1,9}$/, 'takes a whole number')
  .transform(Number)
const port = whole.refine((number) => number <= 65_535, 'takes a port, 0 to 65535')
const text = z.string().min(1, 'must not be empty')
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
/** As an origin: everything that people, clients and browsers compare is derived from it. */
const publicUrl = z.url().transform((value, ctx) => {
  const url = new URL(value)
  const bare =
    url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.includes(url.hostname))
  if (!bare) ctx.addIssue('must be scheme, host and port alone')
  else if (!safe) ctx.addIssue('must be https, unless it is localhost')
  return url.origin
})
const hostAndPort = z.string().regex(/^([^\s:/]+|\[[\da-fA-F:]+\]):\d{1,5}$/, 'takes host:port')
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
const flag = z
  .enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'])
  .transform((text) => ['true', '1', 'yes', 'on'].includes(text))

const Settings = z.object({
  data: text.default('.data').describe('Directory for the database and the keys'),
  'http-host': text.default('127.0.0.1').describe('Address that the console and /mcp listen on'),
  'http-port': port.default(8080).describe('Port of the console and /mcp'),
  'grpc-host': text.default('127.0.0.1').describe('Address that agents connect to'),
  'grpc-port': port.default(8443).describe('Port that agents connect to'),
  'link-address': hostAndPort.optional().describe('host:port that agents are told; default: the address above'),
  'public-url': publicUrl.optional().describe('The one public address; default http://localhost:<http-port>'),
  database: z
    .string()
    .regex(/^(sqlite:.+|postgres(ql)?:\/\/.+)/, 'takes sqlite:/path or postgres://…')
    .optional()
    .describe('sqlite:/path or postgres://…; default: a SQLite file in the data directory'),
  releases: text
    .optional()
    .describe('Directory of the release that hosts install; default: releases/ in the data directory'),
  'release-key': text
    .optional()
    .describe('Public key (PEM) that releases are signed with; default: release.pub beside them'),
  'allowed-origins': list.describe('Browser origins that may call /mcp, comma-separated (MCP_ALLOWED_ORIGINS)'),
  'client-id-documents': flag.default(true).describe('Accept OAuth clients by their client-ID metadata document'),
  'trust-proxy': flag.default(false).describe('Take client addresses from X-Forwarded-For'),
  'calls-per-minute': whole
    .refine((number) => number > 0, 'must be above 0')
    .default(600)
    .describe('MCP calls a minute and credential'),
  'log-level': z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
})
type Settings = z.infer<typeof Settings>
type Name = keyof Settings & string

const NAMES = Object.keys(Settings.shape) as Name[]

/** MTTRLY_HTTP_PORT and so on; the Origin list keeps the name that deployments know. */
const environmentName = (name: Name): string =>
  name === 'allowed-origins' ? 'MCP_ALLOWED_ORIGINS' : `MTTRLY_${name.replaceAll('-', '_').toUpperCase()}`

export type Config = Readonly<{
  dataDir: string
  databaseUrl: string
  http: { host: string; port: number }
  grpc: { host: string; port: number }
  linkAddress: string | undefined
  /** undefined: decided once the HTTP port is known. */
  publicUrl: string | undefined
  releases: { directory: string; keyFile: string }
  allowedOrigins: readonly string[]
  clientIdDocuments: boolean
  trustProxy: boolean
  callsPerMinute: number
  logLevel: Settings['log-level']
}>

export class ConfigError extends Error {}

/** @throws ConfigError naming the setting, when a value does not fit; nothing starts on a bad value. */
export function loadConfig(argv: readonly string[], environment: NodeJS.ProcessEnv = process.env): Config {
  return configWith(fromArguments(argv), environment)
}

/** For command lines that parse their own flags: what they give, over the environment. */
export const configWith = (
  given: Partial<Record<Name, unknown>>,
  environment: NodeJS.ProcessEnv = process.env,
): Config => configOf({ ...fromEnvironment(environment), ...given })

export function configOf(given: Partial<Record<Name, unknown>>): Config {
  const parsed = Settings.safeParse(given)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new ConfigError(`--${issue?.path.join('.')}: ${issue?.message}`)
  }
  return freeze(parsed.data)
}

function fromArguments(argv: readonly string[]): Partial<Record<Name, string>> {
  const options = Object.fromEntries(NAMES.map((name) => [name, { type: 'string' as const }]))
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values as Partial<Record<Name, string>>
  } catch (error) {
    throw new ConfigError((error as Error).message)
  }
}

function fromEnvironment(environment: NodeJS.ProcessEnv): Partial<Record<Name, string>> {
  const entries = NAMES.map((name) => [name, environment[environmentName(name)]] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

function freeze(settings: Settings): Config {
  const dataDir = resolve(settings.data)
  const releases = resolve(settings.releases ?? join(dataDir, 'releases'))
  return Object.freeze({
    dataDir,
    databaseUrl: settings.database ?? `sqlite:${join(dataDir, 'central.db')}`,
    http: { host: settings['http-host'], port: settings['http-port'] },
    grpc: { host: settings['grpc-host'], port: settings['grpc-port'] },
    linkAddress: settings['link-address'],
    publicUrl: settings['public-url'],
    releases: { directory: releases, keyFile: resolve(settings['release-key'] ?? join(releases, RELEASE_KEY_FILE)) },
    allowedOrigins: settings['allowed-origins'],
    clientIdDocuments: settings['client-id-documents'],
    trustProxy: settings['trust-proxy'],
    callsPerMinute: settings['calls-per-minute'],
    logLevel: settings['log-level'],
  })
}

/** The settings as lines of help, from the same source as the validation. */
export const configHelp = (): string =>
  NAMES.map(
    (name) => `  --${name.padEnd(22)} ${Settings.shape[name].description ?? ''} [${environmentName(name)}]`,
  ).join('\n')

const noteOf = (dataDir: string): string => join(dataDir, 'public-url')

/** For command lines on this machine: under which address Central was last started on these data. */
export const notePublicUrl = (dataDir: string, url: string): void => writeFileSync(noteOf(dataDir), `${url}\n`)

export function notedPublicUrl(dataDir: string): string | undefined {
  try {
    return publicUrl.safeParse(readFileSync(noteOf(dataDir), 'utf8').trim()).data
  } catch {
    return undefined // it was never started here
  }
}

export const makeDataDir = (dataDir: string): void => void mkdirSync(dataDir, { recursive: true, mode: 0o700 })
