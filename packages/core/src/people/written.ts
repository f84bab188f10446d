import { DomainError } from '../errors.ts'
import type { WriteResult } from '../registry/port.ts'

/** The version after a write; a write that met another version is the caller's to repeat. */
export const assertWritten = (result: WriteResult, what: string): number => {
  if (result.ok) return result.version
  if (result.version === 0) throw new DomainError('NOT_FOUND', `${what} is not there.`)
  throw new DomainError('VERSION_CONFLICT', `${what} is at version ${result.version} now. Read it again.`)
}
