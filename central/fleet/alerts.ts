// Alerts as they happen: feeds readings to the rules and keeps the outcome. A dead database delays a row, it loses none.
import type { Logger } from 'pino'
import {
  type Alert,
  type AlertChange,
  type AlertKind,
  type AlertState,
  type Readings,
  stateOfActive,
  stepAlerts,
} from '../domain/alerts.ts'
import type { Clock } from '../domain/clock.ts'
import { createId } from '../domain/ids.ts'
import type { AlertsStore } from '../storage/alerts.ts'

type Watched = { state: AlertState; active: ReadonlyMap<AlertKind, Alert> }

const CALM: Watched = { state: {}, active: new Map() }

export function createAlertWatch(rooms: {
  store: AlertsStore
  clock: Clock
  log: Logger
  /** An alert was raised or has ended; for the audit log. */
  onChange?: ((alert: Alert) => void) | undefined
}) {
  const { store, clock, log, onChange = () => {} } = rooms
  const watched = new Map<string, Watched>()
  const unsaved = new Map<string, Alert>()
  let saving: Promise<void> | undefined

  function observe(server: { id: string; workspaceId: string }, readings: Readings): void {
    const before = watched.get(server.id) ?? CALM
    const { state, changes } = stepAlerts(before.state, readings)
    if (state === before.state && changes.length === 0) return
    const active = new Map(before.active)
    for (const change of changes) apply(server, active, change)
    if (active.size === 0 && Object.keys(state).length === 0) watched.delete(server.id)
    else watched.set(server.id, { state, active })
    if (changes.length > 0) void save()
  }

  function apply(
    server: { id: string; workspaceId: string },
    active: Map<AlertKind, Alert>,
    change: AlertChange,
  ): void {
    const now = clock.now()
    const known = active.get(change.kind)
    if (change.to === 'resolved') {
      active.delete(change.kind)
      if (!known) return
      const resolved: Alert = { ...known, status: 'resolved', resolved_at: now }
      unsaved.set(known.id, resolved)
      onChange(resolved)
      return
    }
    const { severity, message, value } = change
    const alert: Alert = known
      ? { ...known, severity, message, value }
      : {
          id: createId('alert'),
          workspace_id: server.workspaceId,
          server_id: server.id,
          kind: change.kind,
          severity,
          status: 'active',
          message,
          value,
          raised_at: now,
          resolved_at: null,
        }
    active.set(change.kind, alert)
    unsaved.set(alert.id, alert)
    if (!known) onChange(alert)
  }

  /** One writer at a time; what fails stays unsaved and is tried again with the next call. */
  function save(): Promise<void> {
    saving ??= (async () => {
      try {
        for (const [id, alert] of unsaved) {
          await store.save(alert)
          if (unsaved.get(id) === alert) unsaved.delete(id)
        }
      } catch (error) {
        log.error({ err: error, unsaved: unsaved.size }, 'alerts not saved, will try again')
      }
    })().finally(() => {
      saving = undefined
    })
    return saving
  }

  return {
    observe,
    save,
    isActive: (serverId: string, kind: AlertKind) => watched.get(serverId)?.active.has(kind) ?? false,
    /** Goes on with what was active when Central stopped. */
    async load(): Promise<void> {
      for (const [serverId, alerts] of Map.groupBy(await store.active(), (alert) => alert.server_id)) {
        watched.set(serverId, { state: stateOfActive(alerts), active: new Map(alerts.map((a) => [a.kind, a])) })
      }
    },
    /** The server has left: what was active ends. */
    async forget(serverId: string): Promise<void> {
      await saving
      for (const alert of watched.get(serverId)?.active.values() ?? []) unsaved.delete(alert.id)
      watched.delete(serverId)
      await store.resolveAll(serverId, clock.now())
    },
    list: store.list,
  }
}

export type AlertWatch = ReturnType<typeof createAlertWatch>
