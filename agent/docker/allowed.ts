// What may be asked of a container engine: GET, these paths, these parameters. What is not here cannot be sent, whoever in
// this process asks for it (guard.ts). Nothing here changes the host, runs in a container, or hands out its files.
type Parameters = Readonly<Record<string, RegExp>>
type Path = { path: RegExp; query?: Parameters; needs?: readonly string[] }

/** One part of a path: no separator, no dot at its start, nothing encoded. */
const NAME = '[A-Za-z0-9][\\w.-]*'
/** `registry.example:5000/team/app:1.2@sha256:…` */
const IMAGE = '[A-Za-z0-9][\\w.:@-]*(?:/[A-Za-z0-9][\\w.:@-]*)*'
const at = (path: string): RegExp => new RegExp(`^${path}$`)

const FLAG = /^(?:0|1|true|false)$/
const NUMBER = /^\d{1,12}$/
const MOMENT = /^\d{1,12}(?:\.\d{1,9})?$/
/** As JSON: names and values, no nesting beyond lists. */
const FILTERS = /^\{[\w.:/@=\-",[\]{} ]{0,2000}\}$/

export const ALLOWED: readonly Path[] = [
  { path: at('/version') },
  { path: at('/info') },
  { path: at('/system/df') },
  // Without an end it would go on for ever.
  { path: at('/events'), query: { since: MOMENT, until: MOMENT, filters: FILTERS }, needs: ['until'] },
  { path: at('/containers/json'), query: { all: FLAG, limit: NUMBER, size: FLAG, filters: FILTERS } },
  { path: at(`/containers/${NAME}/json`), query: { size: FLAG } },
  // Not `follow`.
  {
    path: at(`/containers/${NAME}/logs`),
    query: {
      stdout: FLAG,
      stderr: FLAG,
      timestamps: FLAG,
      details: FLAG,
      since: MOMENT,
      until: MOMENT,
      tail: /^(?:all|\d{1,9})$/,
    },
  },
  // Not `ps_args`: with them `ps` shows environments.
  { path: at(`/containers/${NAME}/top`) },
  { path: at(`/containers/${NAME}/changes`) },
  { path: at(`/containers/${NAME}/stats`), query: { stream: /^(?:0|false)$/, 'one-shot': FLAG }, needs: ['stream'] },
  { path: at('/images/json'), query: { all: FLAG, digests: FLAG, filters: FILTERS } },
  { path: at(`/images/${IMAGE}/json`) },
  { path: at(`/images/${IMAGE}/history`) },
  { path: at('/networks'), query: { filters: FILTERS } },
  { path: at(`/networks/${NAME}`) },
  { path: at('/volumes'), query: { filters: FILTERS } },
  { path: at(`/volumes/${NAME}`) },
]

/** Headers that turn a request into something else, or bring it a body. */
const HEADERS = ['upgrade', 'expect', 'transfer-encoding', 'content-length', 'trailer', 'x-registry-auth']

export type Asked = { method: string; path: string; headers: readonly string[] }

/** Why this may not be sent, or undefined. `path` is what stands on the wire. */
export function refusalOf({ method, path, headers }: Asked): string | undefined {
  if (method !== 'GET') return `not a look: ${method}`
  const header = headers.find((name) => HEADERS.includes(name.toLowerCase()))
  if (header !== undefined) return `not a plain request: ${header}`
  const [place = '', query, ...more] = path.split('?')
  const allowed = place.includes('..') ? undefined : ALLOWED.find((each) => each.path.test(place))
  if (!allowed || more.length > 0) return 'not in the table of paths'
  const given = [...new URLSearchParams(query ?? '')]
  const isAllowed = ([name, value]: [string, string]): boolean =>
    Object.hasOwn(allowed.query ?? {}, name) && (allowed.query?.[name]?.test(value) ?? false)
  const stray = given.find((each) => !isAllowed(each))
  if (stray) return `not in the table of parameters: ${stray[0]}`
  const names = given.map(([name]) => name)
  if (new Set(names).size !== names.length) return 'a parameter is given twice'
  const missing = allowed.needs?.find((name) => !names.includes(name))
  return missing === undefined ? undefined : `it needs the parameter ${missing}`
}
