import type { AuditEntry } from '@patchbay/contracts/person'
import type { RegistryStore, Stored } from '../registry/port.ts'
import { genesis } from './audit-chain.ts'
import { textOf } from './record-text.ts'

/** `meta` documents beside the trail: its last entry, and where it begins after old entries were deleted. */
export const headId = 'audit_head'
export const startId = 'audit_start'

export const sequenceOf = (id: string): number => Number(id.split('-')[1] ?? Number.NaN)

export const toEntry = ({ id, body }: Stored): AuditEntry => {
  const optional = (field: 'address' | 'target') => {
    const value = textOf(body, field)
    return value === undefined ? {} : { [field]: value }
  }
  return {
    id,
    at: textOf(body, 'at') ?? '',
    actor: textOf(body, 'actor') ?? '',
    ...optional('address'),
    action: textOf(body, 'action') ?? '',
    ...optional('target'),
    outcome: textOf(body, 'outcome') === 'done' ? 'done' : 'refused',
    status: typeof body['status'] === 'number' ? body['status'] : 0,
    requestId: textOf(body, 'requestId') ?? '',
    ...(body['changes'] === undefined ? {} : { changes: body['changes'] }),
    hash: textOf(body, 'hash') ?? '',
  }
}

/** What the first kept entry must be: the very first, or the one after those that were deleted for their age. */
export const chainStart = async (registry: RegistryStore): Promise<{ previous: string; sequence: number }> => {
  const stored = await registry.get('meta', startId)
  const sequence = stored?.body['sequence']
  return {
    previous: (stored && textOf(stored.body, 'previous')) ?? genesis,
    sequence: typeof sequence === 'number' ? sequence : 1,
  }
}
