import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BridgeStatus } from '@patchbay/contracts/bridge'
import type { Accepted } from '@patchbay/contracts/session'
import { matches } from '@patchbay/core/access/filter'
import type { Clock } from '@patchbay/core/clock'
import type { MessageLog } from '@patchbay/core/delivery/message-log'
import type { SessionHub } from '@patchbay/core/sessions/hub'
import { isRefused } from '@patchbay/sdk'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { toKeptProperties } from './message-properties.ts'

const Tap = Type.Object({
  filters: Type.Array(Type.String(), { maxItems: 1000 }),
  limitBytes: Type.Integer({ minimum: 1 }),
})
const tapFile = 'tap.json'
export const mebibyte = 1024 * 1024

/** What one bridge is to get, taken from when it was enabled until it is disabled, whether its plugin runs or not. */
export interface BridgeQueue {
  readonly log: Promise<MessageLog>
  /** Takes messages of these topics from now on. Durable when resolved, so that it is so after a crash before its plugin runs. */
  take(filters: readonly string[], limitBytes: number): Promise<void>
  /** Takes no more; what waits stays. */
  rest(): Promise<void>
  readonly counts: Pick<BridgeStatus, 'shed' | 'turnedAway'>
  close(): Promise<void>
}

/** What a process before this one took; undefined: nothing. */
export async function readTap(folder: string): Promise<{ filters: string[]; limitBytes: number } | undefined> {
  const text = await readFile(join(folder, tapFile), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const tap: unknown = JSON.parse(text)
  return Value.Check(Tap, tap) ? tap : undefined
}

export function openBridgeQueue({
  instance,
  folder,
  limitBytes: firstLimit,
  durable,
  hub,
  clock,
  onFault,
}: {
  /** `plugin/name`. */
  instance: string
  folder: string
  limitBytes: number
  durable: boolean
  hub: Pick<SessionHub, 'forward'>
  clock: Pick<Clock, 'nowMicros'>
  onFault: (error: unknown) => void
}): BridgeQueue {
  const counts = { shed: 0, turnedAway: 0 }
  const log = import('@patchbay/core/delivery/message-log').then(({ openMessageLog }) =>
    openMessageLog({ folder, limitBytes: firstLimit, durable, onFault }),
  )
  let filters: readonly string[] = []
  // A message that is on its way waits for this, so that it is not taken for nobody.
  let ready: Promise<unknown> = log
  ready.catch(onFault)

  const wants = ({ topic, protocol }: Accepted): boolean =>
    protocol !== instance && filters.some((filter) => matches(filter, topic))
  const take = async ({ topic, bytes, qos, retain, properties }: Accepted): Promise<void> => {
    const kept = toKeptProperties(properties)
    const at = clock.nowMicros()
    // Copied now: the adapter uses its buffer again. Each waits for the same, so they go on in their order.
    const message = { topic, bytes: Uint8Array.from(bytes), qos, retain, at, ...(kept ? { properties: kept } : {}) }
    await ready
    try {
      await (await log).append(message)
    } catch (error) {
      if (!isRefused(error) || error.code !== 'BRIDGE_QUEUE_FULL') throw error
      if (qos > 0) {
        counts.turnedAway += 1
        throw error
      }
      counts.shed += 1
    }
  }
  let stop: (() => void) | undefined

  return {
    log,
    counts,
    async take(next, limitBytes) {
      filters = next
      stop ??= hub.forward({ wants, take })
      const write = async (): Promise<void> => {
        const opened = await log
        opened.limitBytes = limitBytes
        const fresh = join(folder, `${tapFile}.new`)
        await writeFile(fresh, JSON.stringify({ filters: next, limitBytes }), { mode: 0o600, flush: true })
        await rename(fresh, join(folder, tapFile))
      }
      const written = ready.then(write)
      ready = written.catch(onFault)
      await written
    },
    async rest() {
      stop?.()
      stop = undefined
      await ready
      await rm(join(folder, tapFile), { force: true })
    },
    async close() {
      stop?.()
      stop = undefined
      await ready
      // One that could not be opened has been told of.
      const opened = await log.catch(() => undefined)
      await opened?.close()
    },
  }
}
