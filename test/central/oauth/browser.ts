// A browser, as far as these tests need one: keeps cookies by path, follows redirects by hand, reads forms.
type Cookie = { name: string; value: string; path: string }

export type Page = { status: number; url: string; text: string; headers: Headers; location: string | undefined }

export function createBrowser(base: string) {
  let jar: Cookie[] = []

  function keep(url: URL, response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const at = pair.indexOf('=')
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
      const attribute = (key: string) =>
        attributes.find((part) => part.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1)
      const path = attribute('path') ?? url.pathname
      jar = jar.filter((cookie) => cookie.name !== name || cookie.path !== path)
      const dead = attribute('max-age') === '0' || (attribute('expires') ?? '').includes('1970')
      if (!dead) jar.push({ name, value, path })
    }
  }

  async function request(to: string, init: RequestInit = {}): Promise<Page> {
    const url = new URL(to, base)
    const cookie = jar
      .filter(({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    const headers = { accept: 'text/html', ...(cookie ? { cookie } : {}), ...(init.headers as Record<string, string>) }
    const response = await fetch(url, { ...init, redirect: 'manual', headers })
    keep(url, response)
    const location = response.headers.get('location')
    return {
      status: response.status,
      url: url.href,
      text: await response.text(),
      headers: response.headers,
      location: location ? new URL(location, url).href : undefined,
    }
  }

  const get = (to: string) => request(to)

  return {
    get,
    request,
    post: (to: string, form: Record<string, string> | [string, string][], headers: Record<string, string> = {}) =>
      request(to, {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: { origin: new URL(base).origin, ...headers },
      }),
    /** Follows redirects that stay on this site. */
    async follow(page: Page): Promise<Page> {
      let current = page
      while (current.location?.startsWith(`${base}/`)) current = await get(current.location)
      return current
    },
    cookies: () => jar.map(({ name, value }) => ({ name, value })),
    forget: (name: string) => {
      jar = jar.filter((cookie) => cookie.name !== name)
    },
  }
}

export type Browser = ReturnType<typeof createBrowser>

/** The value of a form's field. */
export const fieldOf = (page: Page, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? ''
