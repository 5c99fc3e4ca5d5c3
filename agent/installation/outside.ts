// What no file of the installation tells: what systemd, the journal and Central say. Each answer has a time-out, and
// undefined says that there was none. Tests give their own.
import { get as getPlain } from 'node:http'
import { get as getSecure } from 'node:https'
import { getCACertificates } from 'node:tls'
import { ask } from '../process/ask.ts'

const PATIENCE_MS = 3_000

export type Outside = {
  /** `systemctl show` of these units: their properties, by unit. */
  units(names: readonly string[]): Promise<ReadonlyMap<string, UnitProperties> | undefined>
  /** The time that Central has, Unix ms; undefined when it does not answer. */
  centralTime(url: string): Promise<number | undefined>
  clockSynchronised(): Promise<boolean | undefined>
  /** Lines of the kernel and of the audit system since yesterday. */
  kernelLines(): Promise<string | undefined>
}
export type UnitProperties = Readonly<Record<string, string>>

const PROPERTIES = 'Id,ActiveState,SubState,NeedDaemonReload,NRestarts,InactiveExitTimestampMonotonic'

/** Blocks of `Name=value` lines with an empty line between them. */
export const parseShow = (text: string): ReadonlyMap<string, UnitProperties> =>
  new Map(
    text.split('\n\n').flatMap((block) => {
      const properties = Object.fromEntries(
        block.split('\n').flatMap((line) => {
          const at = line.indexOf('=')
          return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : []
        }),
      )
      return properties.Id === undefined ? [] : [[properties.Id, properties] as const]
    }),
  )

/** Also what the host trusts: Central may have a certificate of the company's own CA. */
const authorities = (): string[] => [...getCACertificates('default'), ...getCACertificates('system')]

function timeAt(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const options = { signal, headers: { connection: 'close' } }
    const request = url.startsWith('https:')
      ? getSecure(url, { ...options, ca: authorities() })
      : getPlain(url, options)
    request.on('error', () => resolve(undefined))
    request.on('response', (response) => {
      response.destroy()
      const time = Date.parse(response.headers.date ?? '')
      resolve(Number.isNaN(time) ? undefined : time)
    })
  })
}

export const createOutside = (): Outside => ({
  async units(names) {
    const said = await ask(['systemctl', 'show', `--property=${PROPERTIES}`, '--', ...names], PATIENCE_MS)
    return said === undefined ? undefined : parseShow(said)
  },
  centralTime: async (url) => (URL.canParse('v1/version', url) ? timeAt(new URL('v1/version', url).href) : undefined),
  async clockSynchronised() {
    const said = await ask(['timedatectl', 'show', '--property=NTPSynchronized', '--value'], PATIENCE_MS)
    return said === undefined ? undefined : said.trim() === 'yes'
  },
  kernelLines: () =>
    ask(
      'journalctl --quiet --no-pager --output=cat --since=-1d --lines=5000 _TRANSPORT=kernel + _TRANSPORT=audit'.split(
        ' ',
      ),
      PATIENCE_MS,
    ),
})
