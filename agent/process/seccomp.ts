// The system call filter of the read lane, as classic BPF (man 2 seccomp): no sockets but netlink ones to look with, no
// new namespaces or mounts, no other process's memory, no kernel keys. What it leaves, uid and mounts contain.
import { constants } from 'node:os'

type Arch = 'x64' | 'arm64'

/** AUDIT_ARCH_* of linux/audit.h. */
const AUDIT_ARCH: Record<Arch, number> = { x64: 0xc000003e, arm64: 0xc00000b7 }

/** Calls that fail with EPERM, by number (asm/unistd.h): [x64, arm64]. */
const DENIED: Record<string, [x64: number, arm64: number]> = {
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  pidfd_getfd: [438, 438],
  kcmp: [312, 272],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  unshare: [272, 97],
  setns: [308, 268],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  // A ring opens sockets and files that no filter sees.
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  open_by_handle_at: [304, 265],
  // An exclusive lock needs no more than a readable file, and programs of the host would wait for it.
  flock: [73, 32],
  kexec_load: [246, 104],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  sethostname: [170, 161],
  setdomainname: [171, 162],
}
const SOCKET: [number, number] = [41, 198]
const SOCKETPAIR: [number, number] = [53, 199]
const CLONE: [number, number] = [56, 220]
const CLONE3: [number, number] = [435, 435]

const AF_UNIX = 1
const AF_NETLINK = 16
const SOCK_STREAM = 1
const SOCK_TYPE_MASK = 0xf
/** NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_GENERIC: what `ip` and `ss` look with. Changing anything needs CAP_NET_ADMIN. */
const NETLINK_LOOKING = [0, 4, 16]
/** Every CLONE_NEW* flag of linux/sched.h that clone(2) takes. */
const CLONE_NEW = 0x7e020000
const X32_SYSCALL_BIT = 0x40000000

// struct seccomp_data: nr at 0, arch at 4, arguments from 16 (low halves first on both architectures).
const NR = 0
const ARCH = 4
const argument = (index: number): number => 16 + 8 * index

const ALLOW = 0x7fff0000
const errno = (number: number): number => 0x00050000 | number
const EPERM = errno(constants.errno.EPERM)

type Instruction = [code: number, jt: number, jf: number, k: number]
const load = (offset: number): Instruction => [0x20, 0, 0, offset]
const and = (mask: number): Instruction => [0x54, 0, 0, mask]
const give = (verdict: number): Instruction => [0x06, 0, 0, verdict]
/** Goes on when equal, else skips. */
const onlyIf = (value: number, skip: number): Instruction => [0x15, 0, skip, value]
const unless = (value: number): Instruction => [0x15, 1, 0, value]

/** `when` the call is this one, run the body, which ends in a verdict; else skip it. The number is loaded again after. */
const call = (number: number, body: Instruction[]): Instruction[] => [onlyIf(number, body.length), ...body]

function socketRule(): Instruction[] {
  const refuse = give(errno(constants.errno.EAFNOSUPPORT))
  return [
    load(argument(0)),
    unless(AF_NETLINK),
    refuse,
    load(argument(2)),
    ...NETLINK_LOOKING.flatMap((protocol) => [onlyIf(protocol, 1), give(ALLOW)]),
    refuse,
  ]
}

/** A pair of stream sockets is a pipe. A datagram pair could still send to any path (unix(7)). */
const socketpairRule = (): Instruction[] => [
  load(argument(0)),
  unless(AF_UNIX),
  give(EPERM),
  load(argument(1)),
  and(SOCK_TYPE_MASK),
  unless(SOCK_STREAM),
  give(EPERM),
  give(ALLOW),
]

const cloneRule = (): Instruction[] => [load(argument(0)), and(CLONE_NEW), unless(0), give(EPERM), give(ALLOW)]

function program(arch: Arch): Instruction[] {
  const at = arch === 'x64' ? 0 : 1
  const x32: Instruction[] = arch === 'x64' ? [[0x35, 0, 1, X32_SYSCALL_BIT], give(EPERM)] : []
  return [
    load(ARCH),
    unless(AUDIT_ARCH[arch]),
    give(EPERM),
    load(NR),
    ...x32,
    ...Object.values(DENIED).flatMap((numbers) => call(numbers[at], [give(EPERM)])),
    ...call(SOCKET[at], socketRule()),
    ...call(SOCKETPAIR[at], socketpairRule()),
    ...call(CLONE[at], cloneRule()),
    // Its flags lie in memory, where a filter cannot look: libc falls back to clone.
    ...call(CLONE3[at], [give(errno(constants.errno.ENOSYS))]),
    give(ALLOW),
  ]
}

const isArch = (arch: string): arch is Arch => Object.hasOwn(AUDIT_ARCH, arch)

/** The filter as `struct sock_filter[]`, or undefined for an architecture it is not written for. */
export function seccompFilter(arch: string): Buffer | undefined {
  if (!isArch(arch)) return undefined
  const instructions = program(arch)
  const bytes = Buffer.alloc(instructions.length * 8)
  for (const [index, [code, jt, jf, k]] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(jt, index * 8 + 2)
    bytes.writeUInt8(jf, index * 8 + 3)
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4)
  }
  return bytes
}
