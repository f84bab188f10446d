import { createHash } from 'node:crypto'
import type { RefusedError, Session, Settle } from '@patchbay/contracts/session'
import type { Clock } from '../clock.ts'
import { refuse } from '../errors.ts'
import { isRefused } from '../refused.ts'
import type { RegistryStore } from '../registry/port.ts'
import { sessionLimits } from './limits.ts'
import type { SettleLater } from './settle-later.ts'

export interface Keyed {
  principal: Session['principal']
  key: string
  topic: string
  bytes: Uint8Array
}

/** The same key from the same client within 24 h is answered as before and stores nothing again. */
export interface Idempotency {
  run(message: Keyed, work: (settle: Settle) => void, settle: Settle): void
  /** Forgets expired keys; answers how many went. */
  sweep(limit: number): Promise<number>
  /** Resolves when every key under way is answered. */
  drain(): Promise<void>
}

interface Running {
  fingerprint: string
  waiters: Settle[]
  done: Promise<void>
}

export function createIdempotency(registry: RegistryStore, clock: Clock, settleLater: SettleLater): Idempotency {
  const running = new Map<string, Running>()

  async function outcomeOf(
    id: string,
    fingerprint: string,
    work: (settle: Settle) => void,
  ): Promise<RefusedError | undefined> {
    try {
      const known = await registry.get('idempotency', id)
      const expiresAt = known?.body['expiresAt']
      if (known && typeof expiresAt === 'number' && expiresAt > clock.nowMicros()) {
        return known.body['fingerprint'] === fingerprint ? undefined : otherMessage()
      }
      const refused = await new Promise<RefusedError | undefined>((resolve) => work(resolve))
      if (refused) return refused
      // After the commit and before the answer: a client that hears nothing and asks again must not store twice.
      const body = { fingerprint, expiresAt: clock.nowMicros() + sessionLimits.idempotencyMicros }
      await registry.put('idempotency', id, body, 'any')
      return undefined
    } catch (cause) {
      return isRefused(cause) ? cause : refuse('STORE_UNAVAILABLE', undefined, { cause })
    }
  }

  return {
    run({ principal, key, topic, bytes }, work, settle) {
      if (key.length === 0 || key.length > sessionLimits.idempotencyKeyLength) {
        const text = `An idempotency key has 1 to ${sessionLimits.idempotencyKeyLength} characters.`
        settleLater(settle, refuse('PAYLOAD_INVALID', text))
        return
      }
      const id = createHash('sha256').update(`${principal.kind}:${principal.id}\n${key}`).digest('hex')
      const fingerprint = createHash('sha256').update(`${topic}\n`).update(bytes).digest('hex')
      const first = running.get(id)
      if (first) {
        if (first.fingerprint === fingerprint) first.waiters.push(settle)
        else settleLater(settle, otherMessage())
        return
      }
      if (running.size >= sessionLimits.idempotentUnderWay) {
        settleLater(settle, refuse('INGEST_FULL'))
        return
      }
      const own: Running = { fingerprint, waiters: [settle], done: Promise.resolve() }
      running.set(id, own)
      own.done = outcomeOf(id, fingerprint, work).then((refused) => {
        running.delete(id)
        for (const waiter of own.waiters) settleLater(waiter, refused)
      })
    },
    sweep: (limit) =>
      registry.deleteWhere('idempotency', { range: { field: 'expiresAt', to: clock.nowMicros() }, limit }),
    async drain() {
      await Promise.all([...running.values()].map(({ done }) => done))
    },
  }
}

const otherMessage = () => refuse('PAYLOAD_INVALID', 'This idempotency key was used for another message within 24 h.')
