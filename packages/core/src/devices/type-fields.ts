import {
  defaultHeartbeatSeconds,
  DeviceTypeBody,
  type KeySpec,
  NewDeviceType,
  type DeviceTypeBody as TypeBody,
} from '@patchbay/contracts/device-type'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { DomainError } from '../errors.ts'
import type { TypeRecord } from './port.ts'

/** Fills in what was left out; refuses what is not well formed. */
export function toTypeRecord(id: string, input: TypeBody, createdAt: string): TypeRecord {
  return {
    id,
    ...(input.title === undefined ? {} : { title: input.title }),
    keys: input.keys ?? [],
    strict: input.strict ?? false,
    codec: input.codec ?? 'json',
    heartbeatSeconds: input.heartbeatSeconds ?? defaultHeartbeatSeconds,
    ...(input.retention === undefined ? {} : { retention: input.retention }),
    createdAt,
  }
}

export function assertTypeInput(input: NewDeviceType | TypeBody, isNew: boolean): void {
  const schema: TSchema = isNew ? NewDeviceType : DeviceTypeBody
  const fields: { path: string; code: string; message: string }[] = [...Value.Errors(schema, input)].map((error) => ({
    path: error.instancePath,
    code: error.keyword,
    message: error.message,
  }))
  const keys = fields.length === 0 ? (input.keys ?? []) : []
  const seen = new Set<string>()
  keys.forEach((spec, index) => {
    const wrong = problemOf(spec, seen)
    if (wrong) fields.push({ path: `/keys/${index}/${wrong.field}`, code: wrong.code, message: wrong.message })
    seen.add(spec.key)
  })
  if (fields.length > 0) throw new DomainError('FIELD_INVALID', 'The device type is not well formed.', { fields })
}

function problemOf(spec: KeySpec, seen: Set<string>): { field: string; code: string; message: string } | undefined {
  if (seen.has(spec.key)) return { field: 'key', code: 'unique', message: 'is declared twice' }
  if (spec.minimum !== undefined && spec.maximum !== undefined && spec.minimum > spec.maximum) {
    return { field: 'minimum', code: 'range', message: 'is above the maximum' }
  }
  return undefined
}
