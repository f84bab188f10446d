import type { PublishOptions, Session } from '@patchbay/contracts/session'
import type { Subject } from '../access/port.ts'
import type { DeviceIngest } from '../ingest/device-ingest.ts'
import { sessionLimits } from './limits.ts'
import type { Publisher } from './publisher.ts'
import type { SessionContext } from './session-context.ts'
import { TopicHandle } from './topic-handle.ts'
import type { Caller } from './visitor.ts'

/** Somebody without a session who publishes many messages, whose order per topic is kept. */
export interface SteadyPublisher {
  /** Resolves when the message is durable, rejects with Refused (recorded). */
  publish(topic: string, bytes: Uint8Array, how?: PublishOptions): Promise<void>
  close(): void
}

/** Topics are resolved once and devices held, as a session does it, until rights or devices change or there are too many of them. */
export function createSteadyPublisher(context: SessionContext, caller: Caller): SteadyPublisher {
  const { id, protocol, address } = caller
  const subject: Subject | 'all' = caller.subject ?? 'all'
  const principal: Session['principal'] =
    subject !== 'all' && subject.kind === 'device' ? { kind: 'device', id } : { kind: 'application', id }
  const topics = new Map<string, TopicHandle>()
  const held = new Map<string, DeviceIngest>()
  let closed = false

  const release = (): void => {
    for (const ingest of held.values()) context.pool.release(ingest)
    held.clear()
    topics.clear()
  }
  const publisher: Publisher = {
    principal,
    protocol,
    address,
    clientId: undefined,
    subject,
    async ingestOf(device) {
      const known = held.get(device)
      if (known && !known.gone) return known
      const ingest = await context.acquireFor(device)
      const other = held.get(device)
      if (closed || other === ingest) context.pool.release(ingest)
      else {
        if (other) context.pool.release(other)
        held.set(device, ingest)
      }
      return ingest
    },
  }

  return {
    publish(name, bytes, how = {}) {
      let topic = topics.get(name)
      if (!topic) {
        if (topics.size >= sessionLimits.topicsRemembered) release()
        topic = new TopicHandle(context, publisher, name)
        topics.set(name, topic)
      }
      const handle = topic
      return new Promise((resolve, reject) => {
        handle.push(bytes, how, (refused) => {
          if (!refused) return resolve()
          const error: Error = refused
          reject(error)
        })
      })
    },
    close() {
      closed = true
      release()
    },
  }
}
