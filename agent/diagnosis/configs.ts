// Which configurations a unit reads: those that its own files name, and those of well-known servers.
import type { Facts } from './check.ts'
import { settingsOf, unitText, type Watched } from './units.ts'

const CONFIG = /\.(?:conf|cfg|ini|ya?ml|toml|json|env|properties)$/
export const SERVERS: Record<string, readonly string[]> = {
  'nginx.service': [
    '/etc/nginx/nginx.conf',
    '/etc/nginx/conf.d/*.conf',
    '/etc/nginx/sites-enabled/*',
    '/etc/nginx/snippets/*.conf',
  ],
  'apache2.service': [
    '/etc/apache2/apache2.conf',
    '/etc/apache2/ports.conf',
    '/etc/apache2/sites-enabled/*',
    '/etc/apache2/conf-enabled/*',
  ],
  'haproxy.service': ['/etc/haproxy/haproxy.cfg'],
  'redis-server.service': ['/etc/redis/redis.conf'],
}

/** The configurations that a unit's own files name, and those of known servers. */
export function configsOf({ unit, id }: Watched, facts: Facts): string[] {
  const text = unitText(facts, unit)
  const named = ['ExecStart', 'EnvironmentFile'].flatMap((key) =>
    settingsOf(text, key).flatMap((value) =>
      [...` ${value}`.matchAll(/[\s=-](\/[\w./@+-]+)/g)]
        .map(([, path = '']) => path)
        .filter((path) => key === 'EnvironmentFile' || CONFIG.test(path)),
    ),
  )
  return [...named, ...(SERVERS[id] ?? []).flatMap((pattern) => facts.host.glob(pattern))]
}
