// Every check, in no order that matters.
import type { Check } from '../check.ts'
import { configInvalid } from './config-invalid.ts'
import { dependencyFailed } from './dependency-failed.ts'
import { endpointFailing } from './endpoint-failing.ts'
import { permissionDenied } from './permission-denied.ts'
import { portConflict } from './port-conflict.ts'
import { programMissing } from './program-missing.ts'
import { startedTooEarly } from './started-too-early.ts'
import { unitFailed } from './unit-failed.ts'
import { unitMasked } from './unit-masked.ts'
import { unitStopped } from './unit-stopped.ts'
import { upstreamDown } from './upstream-down.ts'
import { wrongAddress } from './wrong-address.ts'

export const CHECKS: readonly Check[] = [
  endpointFailing,
  wrongAddress,
  upstreamDown,
  startedTooEarly,
  configInvalid,
  dependencyFailed,
  permissionDenied,
  portConflict,
  programMissing,
  unitFailed,
  unitMasked,
  unitStopped,
]
