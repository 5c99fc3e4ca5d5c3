// Every check, in no order that matters.
import type { Check } from '../check.ts'
import { certificateExpired } from './certificate-expired.ts'
import { certificateMismatch } from './certificate-mismatch.ts'
import { cgroupLimit } from './cgroup-limit.ts'
import { clockWrong } from './clock-wrong.ts'
import { configInvalid } from './config-invalid.ts'
import { configNotApplied } from './config-not-applied.ts'
import { connectionExhaustion } from './connection-exhaustion.ts'
import { conntrackFull } from './conntrack-full.ts'
import { containers } from './containers.ts'
import { cpuHog } from './cpu-hog.ts'
import { databaseConnections } from './database-connections.ts'
import { databaseDown } from './database-down.ts'
import { databaseRefuses } from './database-refuses.ts'
import { dependencyFailed } from './dependency-failed.ts'
import { diskFull } from './disk-full.ts'
import { dnsFailure } from './dns-failure.ts'
import { endpointFailing } from './endpoint-failing.ts'
import { fdExhaustion } from './fd-exhaustion.ts'
import { fileSystemReadOnly } from './file-system-read-only.ts'
import { firewallDrop } from './firewall-drop.ts'
import { hardwareError } from './hardware-error.ts'
import { hostsFile } from './hosts-file.ts'
import { ioSaturation } from './io-saturation.ts'
import { kernelFault } from './kernel-fault.ts'
import { logFlood } from './log-flood.ts'
import { memoryLeak } from './memory-leak.ts'
import { memoryPressure } from './memory-pressure.ts'
import { networkDown } from './network-down.ts'
import { oomKill } from './oom-kill.ts'
import { packageManager } from './package-manager.ts'
import { permissionDenied } from './permission-denied.ts'
import { portConflict } from './port-conflict.ts'
import { processPileUp } from './process-pile-up.ts'
import { programMissing } from './program-missing.ts'
import { scheduleBroken } from './schedule-broken.ts'
import { startedTooEarly } from './started-too-early.ts'
import { supervised } from './supervised.ts'
import { systemFiles } from './system-files.ts'
import { unitFailed } from './unit-failed.ts'
import { unitMasked } from './unit-masked.ts'
import { unitStopped } from './unit-stopped.ts'
import { upstreamDown } from './upstream-down.ts'
import { wrongAddress } from './wrong-address.ts'

export const CHECKS: readonly Check[] = [
  scheduleBroken,
  packageManager,
  databaseDown,
  databaseConnections,
  databaseRefuses,
  containers,
  configNotApplied,
  certificateMismatch,
  certificateExpired,
  cgroupLimit,
  clockWrong,
  configInvalid,
  connectionExhaustion,
  conntrackFull,
  cpuHog,
  dependencyFailed,
  diskFull,
  dnsFailure,
  endpointFailing,
  fdExhaustion,
  fileSystemReadOnly,
  firewallDrop,
  hardwareError,
  hostsFile,
  ioSaturation,
  kernelFault,
  logFlood,
  memoryLeak,
  memoryPressure,
  networkDown,
  oomKill,
  permissionDenied,
  portConflict,
  processPileUp,
  programMissing,
  startedTooEarly,
  supervised,
  systemFiles,
  unitFailed,
  unitMasked,
  unitStopped,
  upstreamDown,
  wrongAddress,
]
