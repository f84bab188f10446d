import { CursorInvalid } from '@patchbay/core/cursor-invalid'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { CodecDamaged } from '@patchbay/core/telemetry/codec/codec-damaged'
import { ReadTooLarge } from '@patchbay/core/telemetry/read-too-large'
import { StoreCorrupt, StoreMisused } from './errors.ts'

/** An error on its way from a worker: only its sort and words travel. */
export interface Failure {
  sort: 'unavailable' | 'corrupt' | 'misused' | 'too-large' | 'cursor'
  message: string
}

// https://www.sqlite.org/rescode.html, primary codes.
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26
/** What depends on the statement, not on the disk: error, mismatch, constraint, too big, misuse, range. */
const STATEMENT_CODES: ReadonlySet<number> = new Set([1, 18, 19, 20, 21, 25])

/** The primary result code of an error of node:sqlite. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

/** Whether the error came from what was asked, so that others of its group may succeed without it. */
export function isOfStatement(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === undefined || STATEMENT_CODES.has(code)
}

export function toFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof ReadTooLarge) return { sort: 'too-large', message }
  if (error instanceof CursorInvalid) return { sort: 'cursor', message }
  if (error instanceof StoreCorrupt || error instanceof CodecDamaged) return { sort: 'corrupt', message }
  if (error instanceof StoreUnavailable) return { sort: 'unavailable', message }
  const code = sqliteCode(error)
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) return { sort: 'corrupt', message }
  return { sort: isOfStatement(error) ? 'misused' : 'unavailable', message }
}

export function toStoreError(failure: Failure, file: string): Error {
  const message = `${failure.message} (${file})`
  switch (failure.sort) {
    case 'unavailable':
      return new StoreUnavailable(message)
    case 'corrupt':
      return new StoreCorrupt(message)
    case 'too-large':
      return new ReadTooLarge(failure.message)
    case 'cursor':
      return new CursorInvalid(failure.message)
    case 'misused':
      return new StoreMisused(message)
    default:
      return failure.sort satisfies never
  }
}
