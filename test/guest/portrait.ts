// How an installed host looks from outside: what lies where and whose it is, what systemd makes of it, who listens. Two
// portraits of one host are the same, or a line says what is not.
import type { Guest } from './guest.ts'

/** Of what changes from one moment to the next (journal, cache, outcomes), only whose it is and who may touch it. */
const PORTRAIT = String.raw`
facts='%p %y %m %u:%g %l\n'
places="/opt/mttrly /etc/mttrly /usr/local/sbin /etc/systemd /run/systemd/system /run/systemd/system.control"
find $places \( -path '*mttrly*' -o -name mttrly-agent \) ! -path '*.wants' -printf "$facts" 2>/dev/null
find $places -path '*mttrly*' -type f ! -path /etc/mttrly/policy.yaml -print0 2>/dev/null | xargs -0r sha256sum
stat -c '%n %F %a %U:%G' /etc/mttrly/policy.yaml /run/mttrly /run/mttrly/* /run/mttrly-agent /var/lib/mttrly /var/lib/mttrly-act 2>&1
for file in /var/lib/mttrly/identity.json /var/lib/mttrly/journal /var/lib/mttrly-act/{trust.json,host-key,release-key.pem,installed.json}
do stat -c '%n %F %a %U:%G' "$file" 2>&1; [ ! -f "$file" ] || [ -s "$file" ] || echo "$file is empty"; done
find /var/lib/mttrly \( ! -user mttrly -o -perm /022 \) -printf "strange: $facts" 2>&1
find /var/lib/mttrly-act \( ! -user root -o -perm /077 \) -printf "strange: $facts" 2>&1
for unit in $(systemctl list-unit-files --no-legend --plain 'mttrly*' | cut -d' ' -f1) $(systemctl list-units --all --no-legend --plain 'mttrly*.service' 'mttrly*.socket' | awk '$1 !~ /@/ { print $1 }'); do
  case $unit in *@.service) shown=$(echo "$unit" | sed s/@/@portrait/) ;; *) shown=$unit ;; esac
  echo "$shown $(systemctl show "$shown" -p LoadState,ActiveState,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload,Result | sort | tr '\n' ' ')"
done | sort -u
main=$(systemctl show -P MainPID mttrly-agent)
echo "daemon: $(ps -o user= -p "$main" 2>&1) $(grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/"$main"/status 2>&1 | tr '\n\t' '  ') $(readlink /proc/"$main"/exe | cut -d" " -f1)"
for account in $(grep ^mttrly /etc/passwd | cut -d: -f1); do
  echo "account: $(getent passwd "$account" | cut -d: -f1,2,5-) password $(getent shadow "$account" | cut -d: -f2 | cut -c1) groups $(id -nG "$account")"
  [ "$(id -u "$account")" != 0 ] || echo 'account: another name of root'
done
grep -o '"state":"[a-z]*"' /run/mttrly-agent/link.json 2>&1
`

export type Portrait = ReadonlySet<string>

export async function portraitOf(guest: Guest): Promise<Portrait> {
  return new Set((await guest.must(`${PORTRAIT}true`)).split('\n').map((line) => line.trim()))
}

/** What went and what came. */
export const changes = (before: Portrait, after: Portrait): string[] => [
  ...[...before].filter((line) => !after.has(line)).map((line) => `- ${line}`),
  ...[...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`),
]
