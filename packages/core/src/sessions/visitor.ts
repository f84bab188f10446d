import type { PublishOptions } from '@patchbay/contracts/session'
import type { Subject } from '../access/port.ts'
import type { DeviceIngest } from '../ingest/device-ingest.ts'
import type { Publisher } from './publisher.ts'
import type { SessionContext } from './session-context.ts'
import { resolveTarget } from './target.ts'

/** Somebody who publishes without a session: a person, an API key, or a device after its end. */
export type Caller = { id: string; protocol: string; address: string } & (
  | { subject: Subject; all?: never }
  | { all: true; subject?: never }
)

export interface Visitor {
  /** Resolves when the message is durable, rejects with Refused (recorded). */
  publish(caller: Caller, topic: string, bytes: Uint8Array, how?: PublishOptions): Promise<void>
}

export function createVisitor(context: SessionContext): Visitor {
  const { access, accept, pool } = context

  return {
    async publish(caller, topic, bytes, how = {}) {
      const { id, protocol, address } = caller
      const subject = caller.subject ?? 'all'
      const held: DeviceIngest[] = []
      const kind = subject !== 'all' && subject.kind === 'device' ? 'device' : 'application'
      const publisher: Publisher = {
        principal: { kind, id },
        protocol,
        address,
        clientId: undefined,
        subject,
        async ingestOf(device) {
          const ingest = await context.acquireFor(device)
          held.push(ingest)
          return ingest
        },
      }
      try {
        const target = await resolveTarget(access, publisher, topic)
        await new Promise<void>((resolve, reject) => {
          accept(publisher, target, topic, bytes, how, (refused) => {
            if (!refused) return resolve()
            const error: Error = refused
            reject(error)
          })
        })
      } finally {
        for (const ingest of held) pool.release(ingest)
      }
    },
  }
}
