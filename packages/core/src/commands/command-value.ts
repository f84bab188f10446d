import { DomainError } from '../errors.ts'
import { patchFault } from '../merge.ts'
import { commandLimits } from './limits.ts'

/** Why a value cannot be kept with a command, undefined when it can. */
export function valueFault(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const fault = patchFault(value, commandLimits.valueDepth)
  if (fault) return fault
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '')
  return bytes > commandLimits.valueBytes ? `It is larger than ${commandLimits.valueBytes} bytes as JSON.` : undefined
}

export function checkParams(params: unknown): void {
  const message = valueFault(params)
  if (!message) return
  throw new DomainError('FIELD_INVALID', message, { fields: [{ path: '/params', code: 'invalid', message }] })
}
