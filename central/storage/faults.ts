// Faults of the database, by name. Everything here is "not now", never "not you": the client gets CONNECTION_ERROR.
import { CatalogueError } from '#proto/contract/errors.ts'

/**
 * unreachable: no connection, or it broke. full: no room left. locked: waited too long for somebody else.
 * read_only: it may not be written. damaged: the file or the device under it is not sound.
 */
export type FaultName = 'unreachable' | 'full' | 'locked' | 'read_only' | 'damaged'

/** Nothing was written by the statement or transaction that met it, unless the connection broke during a commit. */
export class StorageFault extends CatalogueError {
  readonly fault: FaultName
  constructor(fault: FaultName, cause: unknown) {
    super('CONNECTION_ERROR', { storage: fault }, { cause })
    this.name = 'StorageFault'
    this.fault = fault
  }
}

export const isConnectionFault = (error: unknown): error is StorageFault => error instanceof StorageFault

/** SQLite primary result codes (https://www.sqlite.org/rescode.html). */
const SQLITE: Record<number, FaultName> = {
  5: 'locked', // BUSY
  6: 'locked', // LOCKED
  8: 'read_only', // READONLY
  10: 'damaged', // IOERR
  11: 'damaged', // CORRUPT
  13: 'full', // FULL
  14: 'unreachable', // CANTOPEN
  26: 'damaged', // NOTADB
}

/** SQLSTATEs (PostgreSQL manual, appendix A); a code that is not here counts by its class, the first two characters. */
const POSTGRES: Record<string, FaultName> = {
  '08': 'unreachable', // connection exception
  '28': 'unreachable', // invalid authorization
  '3D': 'unreachable', // no such database
  '53': 'unreachable', // out of memory or connections
  '53100': 'full', // disk_full
  '57P01': 'unreachable', // admin_shutdown
  '57P02': 'unreachable', // crash_shutdown
  '57P03': 'unreachable', // cannot_connect_now
  '25P03': 'unreachable', // idle_in_transaction_session_timeout
  '25006': 'read_only', // read_only_sql_transaction
  '40': 'locked', // deadlock, serialization failure
  '55P03': 'locked', // lock_not_available
  '57014': 'locked', // query_canceled, by statement_timeout
  '58': 'damaged', // io_error
  XX001: 'damaged', // data_corrupted
  XX002: 'damaged', // index_corrupted
}

const SYSTEM: Record<string, FaultName> = {
  ECONNREFUSED: 'unreachable',
  ECONNRESET: 'unreachable',
  ETIMEDOUT: 'unreachable',
  EPIPE: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENOENT: 'unreachable',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read_only',
  EACCES: 'read_only',
}

/** pg gives these no code. */
const PG_CONNECTION_LOST =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Client was closed)/

const SQLITE_CONSTRAINT_KEYS = [1555, 2067] // PRIMARYKEY, UNIQUE

/** The same error, or a StorageFault with it as the cause. */
export function nameFault(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StorageFault) return error
  const fault = faultOf(error)
  return fault ? new StorageFault(fault, error) : error
}

function faultOf(error: Error): FaultName | undefined {
  const { code, errcode } = codesOf(error)
  if (errcode !== undefined) return SQLITE[primary(errcode)]
  if (code !== undefined) return SYSTEM[code] ?? POSTGRES[code] ?? POSTGRES[code.slice(0, 2)]
  return PG_CONNECTION_LOST.test(error.message) ? 'unreachable' : undefined
}

const primary = (errcode: number) => errcode & 0xff

/** SQLite's primary result code, if it is an error of SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  const errcode = error instanceof Error ? codesOf(error).errcode : undefined
  return errcode && primary(errcode)
}

/** Whether a row with this key was there already. */
export function isDuplicate(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, errcode } = codesOf(error)
  return code === '23505' || (errcode !== undefined && SQLITE_CONSTRAINT_KEYS.includes(errcode))
}

/** `errcode` is node:sqlite's extended result code; `code` is PostgreSQL's SQLSTATE or the system's name. */
function codesOf(error: Error): { code?: string; errcode?: number } {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  return {
    ...(typeof errcode === 'number' && { errcode }),
    ...(typeof code === 'string' && { code }),
  }
}
