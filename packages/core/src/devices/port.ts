import type { DeviceKey, DeviceLogin } from '@patchbay/contracts/device'
import type { DeviceType } from '@patchbay/contracts/device-type'
import type { Peer } from '@patchbay/contracts/session'
import type { Subject } from '../access/port.ts'

/** A registered device as kept in the registry (collection `devices`). */
export interface DeviceRecord {
  id: string
  name: string
  type: string
  tags: string[]
  /** ISO 8601. */
  createdAt: string
  /** The provisioning key that let it in, and SHA-256 (hex) of the claim by which it may ask again. */
  provisionedBy?: string
  claim?: string
}

export type TypeRecord = Omit<DeviceType, 'version'>

/** The user names by which applications and provisioning keys log in. */
export const reservedIds: readonly string[] = ['key', 'provision']

/** Proof of who a peer is. */
export interface Authenticated {
  subject: Subject
  /** The device's record and type; absent for applications. */
  device?: DeviceRecord
  type?: TypeRecord
  /** The credential used, so that its revocation ends the session. */
  credential: string
  /** When an access provider lets it end, µs since 1970. */
  endsAtMicros?: number
}

/** Knows who may come in. Rejects with core's `Refused`; it records nothing, the caller does. */
export interface Authenticator {
  authenticate(peer: Peer): Promise<Authenticated>
}

/** What happened to a device; sessions, presence and caches follow it. */
export type DeviceEvent =
  | { kind: 'created' | 'changed' | 'deleted'; device: DeviceRecord }
  | { kind: 'type-changed'; type: TypeRecord }
  | { kind: 'credential-ended'; device: string; credential: string }
  /** A secret came, or will end later; what was kept of the device's credentials is out of date. */
  | { kind: 'credentials-changed'; device: string }
  | { kind: 'status'; device: string; status: 'online' | 'offline'; at: number; why: string }
  | { kind: 'access-changed' }
export type HearDeviceEvent = (event: DeviceEvent) => void

/** A device's signs of life, told by sessions. */
export interface PresenceListener {
  /** A message or ping, in µs; cheap enough for the hot path. */
  alive(device: string, atMicros: number): void
  sessionOpened(device: string): void
  sessionClosed(device: string): void
}

export interface Enrolled {
  record: DeviceRecord
  credentials?: DeviceLogin
  preSharedKey?: DeviceKey
}

/**
 * Says what becomes of a device that asks for credentials without having any: its record as it shall be, or `again` when it stays as it
 * is. Throws when nothing shall. `isUsed`: it was there already.
 */
export type Judge = (found: { record: DeviceRecord; isUsed: boolean } | undefined) => Promise<DeviceRecord | 'again'>

/** Makes a device, or gives new credentials to one that is there. The write of the device is the moment from which it counts. */
export type Enrol = (id: string, kind: 'secret' | 'psk', judge: Judge) => Promise<Enrolled>
