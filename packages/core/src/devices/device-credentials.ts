import type { Credential, DeviceKey, DeviceLogin } from '@patchbay/contracts/device'
import type { Clock } from '../clock.ts'
import type { CredentialDocuments } from './credential-documents.ts'
import { isEnded, newPreSharedKey, newSecret, toCredential } from './credential-record.ts'
import type { DeviceLock } from './device-lock.ts'
import type { Sealing } from './pre-shared-keys.ts'

export interface DeviceCredentials {
  listCredentials(device: string): Promise<Credential[]>
  /** A new secret, shown this once. The earlier ones end after the overlap, at once without one. */
  rotate(device: string, overlapSeconds?: number): Promise<{ credential: Credential; credentials: DeviceLogin }>
  /** The same for the pre-shared key of CoAP over DTLS; the device's other secrets stay. */
  rotateKey(device: string, overlapSeconds?: number): Promise<{ credential: Credential; preSharedKey: DeviceKey }>
  removeCredential(device: string, credential: string): Promise<void>
}

export function createDeviceCredentials(deps: {
  documents: CredentialDocuments
  clock: Clock
  randomBytes: (size: number) => Uint8Array
  lock: DeviceLock
  sealing: Pick<Sealing, 'seal'>
  assertDevice: (device: string) => Promise<void>
}): DeviceCredentials {
  const { documents, clock, lock, sealing, assertDevice } = deps

  const rotate = async (device: string, overlapSeconds: number) => {
    const { password, ...made } = newSecret(deps.randomBytes)
    const { document, body } = await documents.add(device, overlapSeconds, { kind: 'secret', ...made })
    return { credential: toCredential(document, body), credentials: { username: device, password } }
  }

  const rotateKey = async (device: string, overlapSeconds: number) => {
    const { key, ...made } = newPreSharedKey(deps.randomBytes)
    const sealed = sealing.seal(key)
    const { document, body } = await documents.add(device, overlapSeconds, { kind: 'psk', sealed, ...made })
    return { credential: toCredential(document, body), preSharedKey: { identity: device, key } }
  }

  return {
    async listCredentials(device) {
      await assertDevice(device)
      const now = clock.nowMicros()
      return (await documents.readAll(device))
        .filter(({ body }) => body.kind !== 'certificate' && !isEnded(body, now))
        .sort((a, b) => (a.body.createdAt < b.body.createdAt ? -1 : 1))
        .map(({ id, body }) => toCredential(id, body))
    },
    rotate: (device, overlapSeconds = 0) => lock(device, () => rotate(device, overlapSeconds)),
    rotateKey: (device, overlapSeconds = 0) => lock(device, () => rotateKey(device, overlapSeconds)),
    async removeCredential(device, credential) {
      await lock(device, () => documents.end(device, credential, ['secret', 'psk']))
    },
  }
}
