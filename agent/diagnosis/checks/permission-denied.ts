// Owner or mode of a file keep a service from what it needs: what it complained of, checked against the file as it is now.
import { join } from 'node:path'
import { type Account, accountOf, type Barrier, barrier, type Wish } from '../access.ts'
import { clientsOf } from '../addresses.ts'
import type { Check, Facts, LogLine } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { isTroubled, settingsOf, unitText, type Watched, watchUnits } from '../units.ts'

const DENIED =
  /\bEACCES\b|permission denied|\(13: |\[Errno 13\]|operation not permitted|\bEPERM\b|AccessDeniedException|insufficient permissions|not readable|not writable|is not writeable/i
/** Those that are too open are refused as well. */
const TOO_OPEN =
  /permissions? (?:\d+ |"[^"]*" )?(?:for .* are|are) too open|bad ownership or modes|bad permissions|has group or world access|has invalid permissions|has wrong ownership|world-writable|INSECURE MODE/i
/** Said of people and of peers: no file keeps them out. */
const ELSEWHERE = /publickey|password|authenticat|\bSELinux\b|apparmor=|sendmsg|setgroups|SO_\w+|\bptrace\b|oom_score/i
const PATH = /(?:['"`‘“(\s=]|unix:(?:\/\/)?(?=\/))(\/[^\s'"`’”,;()]+?)(?=['"`’”,;()]|:? |:?$|:\s)/g
const STEP = /Failed at step (\w+) spawning/
const WRITES =
  /\b(?:write|writ(?:ing|e)able|sav(?:e|ing)|dump|temp|open for writing|mkdir|create|creat|unlink|rename|rmdir|append|lock|pid|save|log)\b|\.log\b|\.lock\b|\.pid\b/i
const LOW_PORT =
  /(?:listen|bind)\w*[^\n]*?(?:EACCES|permission denied)[^\n]*?:(\d{1,4})\b|:(\d{1,4}):? (?:listen|bind): permission denied|bind\(\) to \S*?:(\d{1,4}) failed \(13/i
const RECENT = 30 * 60_000
/** Log files tell no more than the second. */
const STAMP_MS = 2_000

/** Relative names are relative to where the service stands, or to where its data are. */
function pathIn(line: LogLine, { unit, id }: Watched, { reality }: Facts): string | undefined {
  const found = [...` ${line.text}`.matchAll(PATH)]
    .map(([, path = '']) => path)
    .filter((path) => path !== '/' && !path.startsWith('//'))
  const denied = line.text.search(DENIED)
  // The nearest to the complaint, before or after it.
  const place = (path: string): number => Math.abs(line.text.indexOf(path) - denied)
  const nearest = found.toSorted((a, b) => place(a) - place(b))[0]
  if (nearest !== undefined) return nearest.replace(/[.:]+$/, '')
  const relative = /['"]([\w.-]+(?:\/[\w.-]+)*)['"]/.exec(line.text)?.[1]
  const base = reality.stores.find(({ owner }) => owner?.name === id)?.dataDirectory ?? unit.directory
  if (relative !== undefined && base) return join(base, relative)
  return STEP.exec(line.text)?.[1] === 'CHDIR' || /working directory/.test(line.text) ? unit.directory : undefined
}

/** Whose rights count: the unit's user, the user of the process that complained, or those of its other processes. */
function accountsOf({ unit, id }: Watched, line: LogLine, { host, reality }: Facts): Account[] {
  const group = reality.processes.find(({ owner }) => owner.kind === 'unit' && owner.name === id)
  const own = group?.processes.find(({ pid }) => pid === line.pid)?.user
  const others = group?.processes.map(({ user }) => user) ?? []
  const names = [
    ...new Set([unit.user, own, ...others].filter((name) => name !== undefined && name !== 'root' && name !== '')),
  ]
  return names.flatMap((name) => accountOf(host, name as string) ?? [])
}

const wishesOf = (line: LogLine, watched: Watched, path: string, { host }: Facts): Wish[] => {
  if (/EXEC\b|Failed to execute|Unable to locate executable|exec:/.test(line.text)) return ['read', 'execute']
  if (/CHDIR|working directory|scandir|opendir/.test(line.text)) return ['execute']
  // Who connects to a socket writes to it.
  if (host.stat(path)?.isSocket()) return ['read', 'write']
  return WRITES.test(line.text) || !host.exists(path) || watched.unit.kind === 'mount' ? ['read', 'write'] : ['read']
}

type Found = { line: LogLine; path: string; barrier?: Barrier; account?: Account }

function examine(line: LogLine, watched: Watched, facts: Facts): Found | undefined {
  const path = pathIn(line, watched, facts)
  if (path === undefined) return undefined
  for (const account of accountsOf(watched, line, facts)) {
    // What it wanted to do is not always said: what it certainly wants is asked first.
    const shut =
      barrier(facts.host, path, account, wishesOf(line, watched, path, facts)) ??
      mended(barrier(facts.host, path, account, ['read', 'write']), line, facts)
    if (shut) return { line, path, barrier: shut, account }
  }
  return { line, path }
}

/** A guess, unless owner and mode have been the same since the complaint. */
const mended = (shut: Barrier | undefined, { at }: LogLine, { host }: Facts): Barrier | undefined =>
  shut && (host.stat(shut.path)?.ctimeMs ?? 0) <= at + STAMP_MS ? shut : undefined

/** The program and the directory that a unit's file names, when systemd said no more than that it may not. */
function ofUnitFile(watched: Watched, line: LogLine, facts: Facts): Found | undefined {
  const text = unitText(facts, watched.unit)
  const programs = settingsOf(text, 'ExecStart').flatMap((value) => /^[@:+!-]*(\/[^\s;]+)/.exec(value)?.[1] ?? [])
  const wanted: [string, Wish[]][] = [
    ...programs.map((path): [string, Wish[]] => [path, ['execute']]),
    ...(watched.unit.directory ? [[watched.unit.directory, ['execute']] as [string, Wish[]]] : []),
  ]
  const accounts = accountsOf(watched, line, facts)
  for (const account of accounts)
    for (const [path, wishes] of wanted) {
      const shut = barrier(facts.host, path, account, wishes)
      if (shut) return { line, path, barrier: shut, account }
    }
  const bare = programs.find((path) => ((facts.host.stat(path)?.mode ?? 0o111) & 0o111) === 0)
  return bare ? { line, path: bare, barrier: { path: bare, why: `${bare} is not executable by anybody` } } : undefined
}

function lowPort(line: LogLine): number | undefined {
  const port = Number(LOW_PORT.exec(line.text)?.slice(1).find(Boolean))
  return port > 0 && port < 1024 ? port : undefined
}

export const permissionDenied: Check = {
  name: 'files that a service may not use',
  topics: ['permissions', 'service', 'deploy', 'web'],
  async run(facts) {
    return (await watchUnits(facts)).flatMap((watched) => {
      const troubled = isTroubled(watched)
      const complaints = watched.lines.filter(
        ({ text, at }) =>
          (DENIED.test(text) || TOO_OPEN.test(text)) && !ELSEWHERE.test(text) && (troubled || facts.now - at < RECENT),
      )
      const last = complaints.at(-1)
      if (!last || watched.state === 'masked') return []
      const port = lowPort(last)
      if (port !== undefined && troubled) return [ofPort(watched, last, port)]
      const open = complaints.findLast(({ text }) => TOO_OPEN.test(text))
      const found = complaints.toReversed().flatMap((line) => examine(line, watched, facts) ?? [])
      const sure = found.find((each) => each.barrier) ?? (troubled ? ofUnitFile(watched, last, facts) : undefined)
      const best =
        sure ??
        (troubled
          ? (found[0] ?? { line: last, path: '' })
          : open && { line: open, path: pathIn(open, watched, facts) ?? '' })
      return best ? [describe(watched, best, facts)] : []
    })
  },
}

const ofPort = (watched: Watched, line: LogLine, port: number) =>
  finding({
    cause: 'PERMISSION_DENIED',
    subject: watched.id,
    title: `${watched.id} may not listen on port ${port}: it does not run as root and has no CAP_NET_BIND_SERVICE`,
    confidence: 0.93,
    evidence: [quoted(line)],
    next: [next.read(watched.unit.file ?? '/etc/systemd/system', 'Its user, and AmbientCapabilities=')],
    explains: [watched.id],
  })

function describe(watched: Watched, { line, path, barrier: shut, account }: Found, facts: Facts) {
  const { host, now, reality } = facts
  const store = reality.stores.find(({ owner }) => owner?.name === watched.id)
  const stats = path === '' || shut ? undefined : host.stat(path)
  const troubled = isTroubled(watched)
  return finding({
    cause: 'PERMISSION_DENIED',
    subject: watched.id,
    title: shut
      ? `${watched.id} is kept from ${path}: ${shut.why}`
      : `${watched.id} is kept from ${path || 'something'} by owner or mode`,
    severity: troubled || shut ? 'high' : 'medium',
    confidence: shut ? 0.97 : troubled ? 0.75 : 0.6,
    impact: [`${watched.id} ${troubled ? 'does not run' : 'does not do all of its work'}`],
    evidence: [
      quoted(line),
      ...(shut
        ? [
            seen(
              shut.path,
              now,
              `${shut.why}${account ? ` (user ${account.uid}, groups ${account.gids.join(', ')})` : ''}`,
            ),
          ]
        : []),
      ...(stats
        ? [seen(path, now, `user ${stats.uid}, group ${stats.gid}, mode ${(stats.mode & 0o7777).toString(8)}`)]
        : []),
    ],
    next: [
      next.run(`namei -l ${shut?.path ?? (path || '/')}`, 'Owner and mode of each directory on the way'),
      next.journal(watched.id),
    ],
    explains: [watched.id, ...(store ? clientsOf(facts, store.software, Number(store.settings.port) || 0) : [])],
  })
}
