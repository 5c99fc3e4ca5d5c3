// Which topics the words of a problem touch. They choose and rank checks; what is true is for the checks to say.
import type { Topic } from './check.ts'

const WORDS: Record<Topic, RegExp> = {
  disk: /disk|storage|space|inode|enospc|partition|file ?system|read-?only|\bfull\b|\bi\/?o\b|mount|volume/,
  memory: /memory|\bram\b|\boom\b|out of mem|swap|leak|killed|heap/,
  cpu: /\bcpu\b|processor|load|slow|hang|hung|stuck|frozen|unresponsive|throttl|busy|lag/,
  network:
    /network|connect|unreachable|time(?:d)? ?out|refused|firewall|packet|port\b|route|latency|socket|interface|reach/,
  dns: /\bdns\b|resolv|name ?server|hostname|lookup|enotfound|eai_again|domain/,
  tls: /\btls\b|\bssl\b|https|certificate|\bcert\b|expired|handshake|x509/,
  time: /clock|\bntp\b|\btime (?:is|zone|sync|drift)|drift|skew|wrong (?:time|date)|chrony|timesync/,
  kernel:
    /kernel|panic|oops|hardware|\bbug\b|reboot|crash(?:ed)? (?:the )?(?:host|server)|segfault|\bmce\b|d-state|zombie/,
  logs: /\blogs?\b|journal|flood|spam|syslog/,
  service: /service|daemon|unit|systemd|start|restart|crash|fail|down|not running|exit|stopp?ed|dead|masked/,
  web: /\bweb|site|http|nginx|apache|caddy|\b50[0-4]\b|gateway|upstream|page|url|endpoint|health/,
  database: /database|\bdb\b|postgres|mysql|mariadb|redis|mongo|\bsql\b|too many (?:clients|connections)/,
  container: /container|docker|podman|compose|image|\bpod\b/,
  packages: /\bapt\b|dpkg|\brpm\b|\bdnf\b|\byum\b|\bapk\b|package|upgrade|update|install/,
  schedule: /cron|timer|schedul|nightly|backup|job|hourly|daily/,
  deploy: /deploy|release|rollout|new version|after (?:the|a|an|our) (?:change|update|upgrade)|config/,
  permissions: /permission|denied|eacces|owner|chmod|chown|access|forbidden|\b403\b/,
}

export function topicsOf(problem: string): Set<Topic> {
  const text = problem.toLowerCase()
  return new Set((Object.keys(WORDS) as Topic[]).filter((topic) => WORDS[topic].test(text)))
}
