// Every check, in no order that matters.
import type { Check } from '../check.ts'
import { dependencyFailed } from './dependency-failed.ts'
import { permissionDenied } from './permission-denied.ts'
import { portConflict } from './port-conflict.ts'
import { programMissing } from './program-missing.ts'
import { unitFailed } from './unit-failed.ts'
import { unitMasked } from './unit-masked.ts'
import { unitStopped } from './unit-stopped.ts'

export const CHECKS: readonly Check[] = [
  dependencyFailed,
  permissionDenied,
  portConflict,
  programMissing,
  unitFailed,
  unitMasked,
  unitStopped,
]
