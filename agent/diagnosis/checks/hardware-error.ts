// Errors of the hardware: disks, memory, processors, arrays; as the kernel logs and counts them.
import type { Check, Facts } from '../check.ts'
import { findingsOf, type Pattern } from '../kernel-log.ts'
import { finding, next, seen } from '../say.ts'

const PATTERNS: readonly Pattern[] = [
  {
    is: /\bI\/O error,? (?:on )?dev(?:ice)? (\w+)/i,
    severity: 'high',
    title: 'A disk does not answer as it should',
    about: 1,
  },
  {
    is: /\b(?:critical )?(?:medium|target) error,? dev (\w+)/i,
    severity: 'high',
    title: 'A disk cannot read or write some of its blocks',
    about: 1,
  },
  {
    is: /(EXT4-fs|XFS|BTRFS)(?:[ :(]+(?:device )?(\w+)\)?)?.*\b(?:error|corruption|shutting down|metadata i\/o)/i,
    severity: 'high',
    title: 'A file system is damaged or its disk fails',
    about: 2,
  },
  {
    is: /\b(ata\d+)(?:\.\d+)?: (?:failed command|exception Emask .* SErr|hard resetting link|COMRESET failed)/,
    severity: 'medium',
    title: 'The link to a disk fails',
    about: 1,
  },
  {
    is: /\b(nvme\w+): (?:I\/O .*timeout|controller is down|Device not ready)/i,
    severity: 'high',
    title: 'An NVMe disk does not answer',
    about: 1,
  },
  {
    is: /\[Hardware Error\]|\bmce: .*(?:uncorrected|fatal|machine check)/i,
    severity: 'high',
    title: 'The processor reports an error of the hardware',
  },
  { is: /EDAC.*\bUE\b/, severity: 'high', title: 'Memory has errors that cannot be corrected' },
  { is: /EDAC.*\bCE\b/, severity: 'medium', title: 'Memory has errors that are corrected so far' },
  {
    is: /(?:temperature above threshold|critical temperature reached)/i,
    severity: 'medium',
    title: 'A processor is too hot',
  },
  { is: /AER: .*(?:uncorrect|fatal)/i, severity: 'high', title: 'A device on the bus reports errors' },
]

/** /proc/mdstat: an array that has lost a member shows it as `_`. */
export const degradedArrays = (text: string): { name: string; state: string }[] =>
  [...text.matchAll(/^(md\w+) : .*\n.*\[([U_]*_[U_]*)\]/gm)].map(([, name = '', state = '']) => ({ name, state }))

function uncorrected({ host }: Facts): number {
  return host
    .glob('/sys/devices/system/edac/mc/mc*/ue_count')
    .reduce((sum, path) => sum + (Number(host.text(path)) || 0), 0)
}

export const hardwareError: Check = {
  name: 'hardware-error',
  topics: ['kernel', 'disk', 'memory'],
  async run(facts) {
    const { host, now } = facts
    const said = findingsOf(await facts.journal('kernel'), {
      cause: 'HARDWARE_ERROR',
      patterns: PATTERNS,
      now,
      what: 'hardware',
    })
    const errors = uncorrected(facts)
    return [
      // The file systems on it suffer for it.
      ...said.map((each) => ({
        ...each,
        explains: /disk|file system/.test(each.title) ? ['FILE_SYSTEM_READ_ONLY', 'IO_SATURATION'] : [],
      })),
      ...degradedArrays(host.text('/proc/mdstat')).map(({ name, state }) =>
        finding({
          cause: 'HARDWARE_ERROR',
          subject: name,
          title: `Array ${name} has lost a disk ([${state}])`,
          severity: 'high',
          confidence: 0.95,
          evidence: [seen('/proc/mdstat', now, `${name} [${state}]`)],
          next: [next.run(`mdadm --detail /dev/${name}`, 'Which disk')],
        }),
      ),
      ...(errors > 0
        ? [
            finding({
              cause: 'HARDWARE_ERROR',
              subject: 'memory',
              title: `Memory had ${errors} errors that could not be corrected`,
              evidence: [seen('/sys/devices/system/edac', now, `ue_count ${errors}`)],
            }),
          ]
        : []),
    ]
  },
}
