// The repositories that enrolment writes together, and a transaction over them.
import { createAlertsStore } from './alerts.ts'
import { createCertificatesStore } from './certificates.ts'
import type { Database } from './database.ts'
import { createInstallTokensStore } from './install-tokens.ts'
import { createServersStore } from './servers.ts'

export function createFleetStore(db: Database) {
  return {
    servers: createServersStore(db),
    certificates: createCertificatesStore(db),
    installTokens: createInstallTokensStore(db),
    alerts: createAlertsStore(db),
    /** All or nothing; inside it only the stores that are handed in may be used. */
    transaction: <T>(fn: (store: FleetStore) => Promise<T>): Promise<T> =>
      db.transaction((tx) => fn(createFleetStore(tx))),
  }
}

export type FleetStore = {
  servers: ReturnType<typeof createServersStore>
  certificates: ReturnType<typeof createCertificatesStore>
  installTokens: ReturnType<typeof createInstallTokensStore>
  alerts: ReturnType<typeof createAlertsStore>
  transaction<T>(fn: (store: FleetStore) => Promise<T>): Promise<T>
}
