import type { Logger } from 'pino'
import type { Audit } from '../audit/audit.ts'
import type { Plans } from '../plans/plans.ts'
import type { ToolContext } from '../tools/context.ts'
import type { IncomingCall } from './run-call.ts'

/** What run-call needs of the other rooms. */
export type CallRooms = {
  plans: Plans
  audit: Audit
  log: Logger
  toolRooms: Pick<
    ToolContext,
    | 'fleet'
    | 'approvals'
    | 'audit'
    | 'output'
    | 'catalog'
    | 'clock'
    | 'inspectInstallation'
    | 'askFiles'
    | 'askDocker'
    | 'reality'
    | 'diagnoses'
    | 'releases'
    | 'rollouts'
    | 'cancelRun'
    | 'unseal'
  >
  runRead: (call: IncomingCall) => ToolContext['runRead']
}
