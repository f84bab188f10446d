import { createHash, timingSafeEqual } from 'node:crypto'
import { DeviceId } from '@patchbay/contracts/id'
import { ProvisionRequest } from '@patchbay/contracts/provisioning'
import { Value } from 'typebox/value'
import { reservedIds } from '../devices/port.ts'
import { refuse } from '../errors.ts'
import type { KeyBody } from './key-record.ts'

/** Reads what a device asks for. Throws Refused. */
export function toProvisionRequest(payload: unknown): ProvisionRequest {
  if (Value.Check(ProvisionRequest, payload)) return payload
  const [error] = Value.Errors(ProvisionRequest, payload)
  const where = error?.instancePath ? `${error.instancePath.slice(1)} ` : 'The request '
  throw refuse('PAYLOAD_INVALID', `${where}${error?.message ?? 'is not of the expected form'}.`)
}

/** SHA-256 of a claim, for one key. */
export const hashOfClaim = ({ salt }: Pick<KeyBody, 'salt'>, claim: string): string =>
  createHash('sha256').update(`${salt}\0${claim}`).digest('hex')

/** Compared in constant time, and against something in any case. */
export function isClaimOf(kept: string | undefined, given: string | undefined): boolean {
  const [a, b] = [Buffer.alloc(32), Buffer.alloc(32, 1)]
  a.write(kept ?? '', 'hex')
  b.write(given ?? '', 'hex')
  return timingSafeEqual(a, b) && kept !== undefined && given !== undefined
}

// Without i, l, o and u, which people misread.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const idLength = 16

/**
 * The id of the device that asks: its own, or one made from its claim, so that a second request with the same claim finds the device of
 * the first. Throws Refused.
 */
export function idOf(request: ProvisionRequest, key: KeyBody): string {
  const { deviceId, claim } = request
  if (deviceId !== undefined) {
    const isForeign = key.idPrefix !== undefined && !deviceId.startsWith(key.idPrefix)
    if (isForeign || reservedIds.includes(deviceId)) throw refuse('PROVISION_ID_FOREIGN')
    return deviceId
  }
  if (key.strategy === 'pre-registered') {
    throw refuse('PROVISION_UNNAMED', 'This provisioning key is for registered devices: say which with deviceId.')
  }
  if (claim === undefined) throw refuse('PROVISION_UNNAMED')
  const digest = createHash('sha256').update(`id\0${key.salt}\0${claim}`).digest()
  const made = Array.from(digest.subarray(0, idLength), (byte) => alphabet[byte % alphabet.length]).join('')
  const id = `${key.idPrefix ?? 'd-'}${made}`
  if (!Value.Check(DeviceId, id)) throw refuse('PROVISION_ID_FOREIGN')
  return id
}
