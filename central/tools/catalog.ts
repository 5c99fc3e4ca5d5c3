// The forty tools, in the order in which clients see them. Hand-kept: membership and order are visible to the compiler
// and to grep. `planned` holds the place of a tool that a later release carries out.
import type { Plan } from '../domain/plan.ts'
import type { Scope } from '../domain/principal.ts'
import { approveAction } from './actions/approve-action.ts'
import { cancelAction } from './actions/cancel-action.ts'
import { getActionResult } from './actions/get-action-result.ts'
import { getAuditLog } from './actions/get-audit-log.ts'
import { getPendingActions } from './actions/get-pending-actions.ts'
import { executeCommand } from './commands/execute-command.ts'
import type { CatalogEntry, PlannedTool } from './define.ts'
import { cleanupFile } from './files/cleanup-file.ts'
import { compareSourceToDist } from './files/compare-source-to-dist.ts'
import { diffFile } from './files/diff-file.ts'
import { executeScript } from './files/execute-script.ts'
import { readFile } from './files/read-file.ts'
import { readPrivilegedFile } from './files/read-privileged-file.ts'
import { searchFiles } from './files/search-files.ts'
import { writeFile } from './files/write-file.ts'
import { bootstrapRecover } from './fleet/bootstrap-recover.ts'
import { decommissionServer } from './fleet/decommission-server.ts'
import { getAlerts } from './fleet/get-alerts.ts'
import { getInstallHealth } from './fleet/get-install-health.ts'
import { getServerStatus } from './fleet/get-server-status.ts'
import { listServers } from './fleet/list-servers.ts'
import { quickTriage } from './fleet/quick-triage.ts'
import { regenerateInstallToken } from './fleet/regenerate-install-token.ts'
import { repairInstall } from './fleet/repair-install.ts'
import { updateAgent } from './fleet/update-agent.ts'
import { getServiceReality } from './reality/get-service-reality.ts'
import { refreshReality } from './reality/refresh-reality.ts'
import { runDiagnostic } from './reality/run-diagnostic.ts'
import { getCapabilities } from './workspace/get-capabilities.ts'

const planned = (id: PlannedTool['id'], title: string, scope: Scope, plan: Plan): PlannedTool => ({
  id,
  title,
  scope,
  plan,
})

export const catalog: readonly CatalogEntry[] = Object.freeze([
  getCapabilities,
  listServers,
  getServerStatus,
  getAlerts,
  quickTriage,
  runDiagnostic,
  planned('mttrly_list_playbooks', 'List Playbooks', 'read', 'watchdog'),
  getServiceReality,
  refreshReality,
  planned('mttrly_get_server_timeline', 'Get Server Timeline', 'read', 'deployment_bro'),
  planned('mttrly_run_deploy_verifier', 'Run Deploy Verifier', 'read', 'deployment_bro'),
  readFile,
  readPrivilegedFile,
  searchFiles,
  diffFile,
  compareSourceToDist,
  getInstallHealth,
  planned('mttrly_search_knowledge', 'Search Knowledge', 'read', 'deployment_bro'),
  planned('mttrly_get_morning_brief', 'Get Morning Brief', 'read', 'deployment_bro'),
  planned('mttrly_get_investigation_bypass', 'Get Investigation Bypass', 'read', 'deployment_bro'),
  planned('mttrly_acknowledge_proactive_event', 'Acknowledge Proactive Event', 'read', 'deployment_bro'),
  planned('mttrly_run_playbook', 'Run Playbook', 'execute', 'deployment_bro'),
  executeCommand,
  getPendingActions,
  getActionResult,
  approveAction,
  cancelAction,
  getAuditLog,
  writeFile,
  cleanupFile,
  executeScript,
  bootstrapRecover,
  repairInstall,
  regenerateInstallToken,
  decommissionServer,
  updateAgent,
  planned('mttrly_start_investigation', 'Start Investigation', 'execute', 'deployment_bro'),
  planned('mttrly_generate_retrospective', 'Generate Retrospective', 'execute', 'deployment_bro'),
  planned('mttrly_acquire_investigation_bypass', 'Acquire Investigation Bypass', 'execute', 'deployment_bro'),
  planned('mttrly_revoke_investigation_bypass', 'Revoke Investigation Bypass', 'execute', 'deployment_bro'),
])
