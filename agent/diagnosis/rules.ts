// What rules of a firewall say of a port: of nft, of `nft list`, and of iptables-save.

const VERDICT = /\b(?:drop|reject|DROP|REJECT)\b/
const ACCEPTS = /\b(?:accept|ACCEPT)\b/

const DPORTS = /(?:dport|--dports?|dest-port)\s+(!= *)?\{?\s*([\d,\s:-]+?)\s*(?:\}|\s[a-zA-Z-]|$)/

type Range = { from: number; to: number }

/** `80`, `80,443`, `8000-8100`, `8000:8100`. */
export function portsIn(rule: string): Range[] {
  const named = DPORTS.exec(rule)
  if (!named || named[1]) return []
  return [...(named[2] ?? '').matchAll(/(\d+)(?:[-:](\d+))?/g)].map(([, from, to]) => ({
    from: Number(from),
    to: Number(to ?? from),
  }))
}

/** Without the chains of nft that see only what comes in. */
function leaving(rules: string): string[] {
  let coming = false
  return rules
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => {
      if (/^chain\b/.test(line)) coming = false
      if (/\bhook (?:input|prerouting)\b/.test(line)) coming = true
      return !coming
    })
}

/** The rule that keeps this host from asking somebody: by the port, or by the address. */
export const whatKeepsIn = (rules: string, port: number, addresses: readonly string[]): string | undefined =>
  leaving(rules).find(
    (rule) =>
      !rule.startsWith('#') &&
      VERDICT.test(rule) &&
      !/-A \S*(?:INPUT|input)\b|\bsport\b/.test(rule) &&
      (portsIn(rule).some(({ from, to }) => from <= port && port <= to) ||
        (/\bdaddr\b| -d /.test(rule) && addresses.some((address) => rule.includes(address)))),
  )

/** The rule that turns a port away: of nft, of `nft list`, and of iptables-save; undefined where none does. */
export function whatDenies(rules: string, port: number): string | undefined {
  const lines = rules.split('\n').map((line) => line.trim())
  const named = lines.filter(
    (rule) =>
      !rule.startsWith('#') &&
      !/\bsport\b/.test(rule) &&
      portsIn(rule).some(({ from, to }) => from <= port && port <= to),
  )
  const decided = named.find((rule) => VERDICT.test(rule) || ACCEPTS.test(rule))
  if (decided) return VERDICT.test(decided) ? decided : undefined
  // What nothing names meets the policy of the chain for what comes in.
  const policy = lines.find((line) => /^:INPUT DROP|hook input .*policy drop/.test(line))
  const all = lines.some(
    (line) => /^(?:accept|counter(?: packets \d+ bytes \d+)? accept)$/.test(line) || line === '-A INPUT -j ACCEPT',
  )
  return all ? undefined : policy
}
