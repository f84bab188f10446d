import type { Device } from '@patchbay/contracts/device'
import type { PresenceStatus } from '../presence/port.ts'
import type { DeviceRecord } from './port.ts'

/** A document of `devices`. */
export type DeviceBody = Pick<DeviceRecord, keyof DeviceRecord>

export type StatusOf = (device: string) => PresenceStatus

/** As REST answers it. */
export const toDevice = (
  record: DeviceRecord,
  version: number,
  { status, since, lastSeenAt }: PresenceStatus,
): Device => ({
  id: record.id,
  name: record.name,
  type: record.type,
  tags: record.tags,
  status,
  ...(since === undefined ? {} : { statusSince: since }),
  ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
  ...(record.provisionedBy === undefined ? {} : { provisionedBy: record.provisionedBy }),
  createdAt: record.createdAt,
  version,
})

// Without i, l, o and u, which people misread.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const idLength = 12

/** 60 random bits that a person can read out and no one guesses by trying. */
export const newDeviceId = (randomBytes: (size: number) => Uint8Array): string =>
  `d-${Array.from(randomBytes(idLength), (byte) => alphabet[byte % alphabet.length]).join('')}`
