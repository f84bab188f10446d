import type { Clock } from '../clock.ts'
import type { RegistryStore } from '../registry/port.ts'
import { endOf, toCredentialId, type CredentialBody } from './credential-record.ts'

/** How far ahead ends are known in memory; the store is asked again when half of it has passed. */
export const expiryHorizonMs = 2 * 3600 * 1000
/** Ends watched at once. One beyond it is found by a later look; logins are refused at its time all the same. */
export const maxWatchedEnds = 100_000
const page = 1000

export interface CredentialExpiry {
  start(): Promise<void>
  watch(device: string, credential: string, endsMicros: number): void
  close(): void
}

/** Tells when a credential ends of itself, so that the sessions it opened end too. */
export function createCredentialExpiry(deps: {
  registry: RegistryStore
  clock: Clock
  ended: (device: string, credential: string) => void
  failed?: (error: unknown) => void
}): CredentialExpiry {
  const { registry, clock } = deps
  const timers = new Map<string, () => void>()
  let cancelLook: (() => void) | undefined
  let closed = false

  const watch = (device: string, credential: string, endsMicros: number) => {
    const waitMs = (endsMicros - clock.nowMicros()) / 1000
    const key = `${device}/${credential}`
    timers.get(key)?.()
    timers.delete(key)
    if (closed || waitMs > expiryHorizonMs || timers.size >= maxWatchedEnds) return
    const cancel = clock.after(Math.max(0, Math.ceil(waitMs)), () => {
      timers.delete(key)
      deps.ended(device, credential)
    })
    timers.set(key, cancel)
  }

  const look = async () => {
    const now = clock.nowMicros() / 1000
    const range = {
      field: 'expiresAt',
      from: new Date(now).toISOString(),
      to: new Date(now + expiryHorizonMs).toISOString(),
    }
    let cursor: string | undefined
    do {
      const found = await registry.list<CredentialBody>('credentials', {
        range,
        limit: page,
        ...(cursor ? { cursor } : {}),
      })
      for (const { id, body } of found.items) {
        if (!body.revoked) watch(body.device, toCredentialId(id), endOf(body))
      }
      cursor = found.nextCursor
    } while (cursor)
  }

  const lookLater = () => {
    if (closed) return
    cancelLook = clock.after(expiryHorizonMs / 2, () => {
      look()
        .catch((error: unknown) => deps.failed?.(error))
        .finally(lookLater)
    })
  }

  return {
    async start() {
      await look()
      lookLater()
    },
    watch,
    close() {
      closed = true
      cancelLook?.()
      for (const cancel of timers.values()) cancel()
      timers.clear()
    },
  }
}
