// What the exit status of a process that systemd started means (man 5 systemd.exec, "Process Exit Codes").

const BY_SYSTEMD: Record<number, string> = {
  200: 'its working directory could not be entered (CHDIR)',
  201: 'its priority could not be set (NICE)',
  202: 'its file descriptors could not be handed over (FDS)',
  203: 'its program could not be executed (EXEC)',
  204: 'there was no memory to start it (MEMORY)',
  205: 'its resource limits could not be set (LIMITS)',
  206: 'its OOM score could not be set (OOM_ADJUST)',
  207: 'its signal mask could not be set (SIGNAL_MASK)',
  208: 'its standard input could not be opened (STDIN)',
  209: 'its standard output could not be opened (STDOUT)',
  210: 'its root directory could not be entered (CHROOT)',
  211: 'its I/O priority could not be set (IOPRIO)',
  213: 'its secure bits could not be set (SECUREBITS)',
  214: 'its CPU scheduling could not be set (SETSCHEDULER)',
  215: 'its CPU affinity could not be set (CPUAFFINITY)',
  216: 'its group does not exist, or could not be taken (GROUP)',
  217: 'its user does not exist, or could not be taken (USER)',
  218: 'its capabilities could not be set (CAPABILITIES)',
  219: 'its cgroup could not be set up (CGROUP)',
  220: 'it could not get a session of its own (SETSID)',
  221: 'somebody did not confirm its start (CONFIRM)',
  222: 'its standard error could not be opened (STDERR)',
  224: 'PAM refused it a session (PAM)',
  225: 'its network namespace could not be set up (NETWORK)',
  226: 'its namespace could not be set up: a path that it names is not there (NAMESPACE)',
  227: 'it could not be kept from new privileges (NO_NEW_PRIVILEGES)',
  228: 'its system call filter could not be set (SECCOMP)',
  229: 'its SELinux context could not be set (SELINUX_CONTEXT)',
  230: 'its personality could not be set (PERSONALITY)',
  231: 'its AppArmor profile could not be set (APPARMOR)',
  232: 'its address families could not be restricted (ADDRESS_FAMILIES)',
  233: 'its runtime directory could not be made (RUNTIME_DIRECTORY)',
  235: 'a file could not be given to its user (CHOWN)',
  236: 'its SMACK label could not be set (SMACK_PROCESS_LABEL)',
  237: 'its keyring could not be set up (KEYRING)',
  238: 'its state directory could not be made (STATE_DIRECTORY)',
  239: 'its cache directory could not be made (CACHE_DIRECTORY)',
  240: 'its log directory could not be made (LOGS_DIRECTORY)',
  241: 'its configuration directory could not be made (CONFIGURATION_DIRECTORY)',
  242: 'its NUMA policy could not be set (NUMA_POLICY)',
  243: 'its credentials could not be set up (CREDENTIALS)',
}
const BY_SHELLS: Record<number, string> = {
  126: 'it ended with status 126: a command could not be executed',
  127: 'it ended with status 127: a command was not found',
  137: 'it ended with status 137: killed',
  139: 'it ended with status 139: a segmentation fault',
  143: 'it ended with status 143: terminated',
}

/** @param exit a status, or the name of a signal */
export function exitReason(exit: number | string | undefined): string | undefined {
  if (exit === undefined || exit === 0) return undefined
  if (typeof exit === 'string') return `ended by signal ${exit}`
  return BY_SYSTEMD[exit] ?? BY_SHELLS[exit] ?? `it ended with status ${exit}`
}
