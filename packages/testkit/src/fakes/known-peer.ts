import { createHash } from 'node:crypto'
import type { Peer } from '@patchbay/contracts/session'

/** Who a peer says it is. */
export const deviceOf = (peer: Peer): { id: string; secret?: string } => {
  const { credentials } = peer
  if (credentials.kind === 'password') return { id: credentials.username, secret: credentials.password }
  if (credentials.kind === 'bearer') return { id: credentials.username ?? 'bearer', secret: credentials.secret }
  const proved = credentials.kind === 'certificate' || credentials.kind === 'psk'
  return { id: (proved ? credentials.deviceId : undefined) ?? 'nobody' }
}

const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** Whether a peer proves itself; everybody does while no devices are named. */
export const isKnown = (devices: Record<string, string> | undefined, peer: Peer): boolean => {
  if (!devices) return true
  const { credentials } = peer
  const { id, secret } = deviceOf(peer)
  if (credentials.kind === 'certificate') return Object.hasOwn(devices, id)
  if (credentials.kind === 'psk')
    return Object.hasOwn(devices, id) && digestOf(devices[id] ?? '') === credentials.digest
  if (credentials.kind === 'bearer') return Object.values(devices).includes(credentials.secret)
  return Object.hasOwn(devices, id) && devices[id] === secret
}
