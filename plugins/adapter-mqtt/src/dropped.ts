import type { RefusedError, Sessions } from '@patchbay/sdk'
import { fromClientName } from './client-name.ts'
import { queueFull } from './errors.ts'
import { maxQueuedMessages } from './outbound-queue.ts'

/** A message that a session’s queue had no room for. */
export function recordDropped(sessions: Sessions, client: string, topic: string): void {
  const parts = fromClientName(client)
  const refused: RefusedError = queueFull(maxQueuedMessages)
  sessions.refuse(
    { protocol: 'mqtt', address: '', clientId: parts?.clientId ?? client },
    { action: 'receive', topic, refused, ...(parts?.space === 'device' ? { device: parts.id } : {}) },
  )
}
