import type { Session } from '@patchbay/contracts/session'
import type { SessionHub } from '@patchbay/core/sessions/hub'
import { DomainError } from '@patchbay/core/errors'
import { createKeyedTurns } from '@patchbay/core/keyed-turns'
import { meaningOf } from '@patchbay/core/topic'
import { type Bridge, type BridgeLink, isRefused, Refused } from '@patchbay/sdk'
import { isLooped } from './marks.ts'
import { toAdapterProperties } from './message-properties.ts'

/** Messages of one topic that wait for their turn, where an identity of the platform publishes them. */
const maxWaiting = 10_000

export interface EntryCounts {
  received: number
  refused: number
  looped: number
}

/** The way in of one bridge: with rights of its own, or as the device or key that it names. */
export function openBridgeEntry({
  hub,
  instance,
  rights,
  createDevice,
  markOf,
  counts,
}: {
  hub: Pick<SessionHub, 'publisher' | 'publishFor'>
  instance: { readonly plugin: string; readonly name: string }
  rights: Pick<Bridge, 'in' | 'as' | 'createDevices'>
  /** Rejects when it cannot be made; one that is there is fine. */
  createDevice: (id: string, type: string | undefined) => Promise<void>
  markOf: (topic: string) => string
  counts: EntryCounts
}): BridgeLink & { close(): void } {
  const id = `${instance.plugin}/${instance.name}`
  const { as, createDevices } = rights
  /** Messages of one device that wait for it to be made go on in their order. */
  const making = new Map<string, Promise<void>>()
  const make = (device: string): Promise<void> => {
    const known = making.get(device)
    if (known) return known
    const made = createDevice(device, createDevices?.type).finally(() => making.delete(device))
    making.set(device, made)
    return made
  }
  const turns = createKeyedTurns({
    maxWaiting,
    full: () => new Refused('quota', 'INGEST_FULL', 'bridge', 'Too many messages of one topic wait.'),
  })
  const principal: Session['principal'] | undefined = as && { kind: as.kind, id: as.id }
  const own = hub.publisher({
    id,
    // The way in is named, so that nothing goes back where it came from.
    protocol: id,
    address: '',
    subject: { kind: 'application', id, publish: rights.in, subscribe: [] },
  })
  return {
    async publish(topic, bytes, { qos = 1, retain = false, properties, passed = [] } = {}) {
      if (isLooped(passed, markOf(topic))) {
        counts.looped += 1
        return 'looped'
      }
      const how = {
        qos,
        retain,
        ...(properties ? { properties: toAdapterProperties(properties) } : {}),
        ...(properties?.contentType === undefined ? {} : { contentType: properties.contentType }),
      }
      const publish = (): Promise<void> =>
        principal
          ? turns(topic, () => hub.publishFor(principal, id, topic, bytes, how))
          : own.publish(topic, bytes, how)
      try {
        await publish().catch(async (error: unknown) => {
          const meaning = meaningOf(topic)
          const isMissing = isRefused(error) && error.code === 'DEVICE_UNKNOWN' && 'device' in meaning
          if (!createDevices || !isMissing || meaning.device === undefined) throw error
          await make(meaning.device).catch((cause: unknown) => {
            // What can be no device, or is one too many, is refused like any unknown one.
            if (cause instanceof DomainError) throw error
            throw new Refused('unavailable', 'STORE_UNAVAILABLE', 'bridge', 'The device could not be made.', { cause })
          })
          await publish()
        })
      } catch (error) {
        if (isRefused(error)) counts.refused += 1
        throw error
      }
      counts.received += 1
      return 'taken'
    },
    close: () => own.close(),
  }
}
