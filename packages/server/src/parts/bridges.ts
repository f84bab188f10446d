import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BridgeStatus } from '@patchbay/contracts/bridge'
import type { Clock } from '@patchbay/core/clock'
import type { Deliveries } from '@patchbay/core/delivery/deliveries'
import type { SessionHub } from '@patchbay/core/sessions/hub'
import type { ServiceOwner } from '@patchbay/plugin-host/services'
import type { Bridge, BridgeLink, Log } from '@patchbay/sdk'
import { type EntryCounts, openBridgeEntry } from '../bridges/bridge-entry.ts'
import { type BridgeQueue, mebibyte, openBridgeQueue, readTap } from '../bridges/bridge-queue.ts'
import { createMarks } from '../bridges/marks.ts'

/** A bridge's queue, where its plugin says nothing. */
const defaultQueueMb = 1024

export interface BridgesOptions {
  hub: Pick<SessionHub, 'forward' | 'publisher' | 'publishFor'>
  deliveries: Pick<Deliveries, 'open' | 'openMessages'>
  createDevice: (id: string, type: string | undefined) => Promise<void>
  /** The folder of all queues. */
  folder: string
  /** The same after each start, another on every other platform. */
  platform: string
  durable: boolean
  clock: Clock
  log: Log
}

export interface Bridges {
  /** Takes messages for the bridges that were enabled when the process before this one ended. */
  restore(): Promise<void>
  /** Of those, takes no more for instances that are not there, or not enabled. */
  prune(isEnabled: (plugin: string, name: string) => boolean): Promise<void>
  /** Brings to a bridge what is for it, while it runs. */
  join(name: string, bridge: Bridge, owner: ServiceOwner): () => Promise<void>
  /** What it publishes by; ends with the instance. */
  link(rights: Pick<Bridge, 'in' | 'as' | 'createDevices'>, owner: ServiceOwner): BridgeLink
  /** Undefined for an instance that is no bridge, or has not run since the start. */
  status(instance: string): Promise<BridgeStatus | undefined>
  /** It is disabled: nothing is taken for it any more. */
  rest(instance: string): Promise<void>
  /** It is gone, with all that waits. */
  forget(instance: string): Promise<void>
  close(): Promise<void>
}

/** Joins bridges to messages and readings. */
export function createBridges({
  hub,
  deliveries,
  createDevice,
  folder,
  platform,
  durable,
  clock,
  log,
}: BridgesOptions): Bridges {
  const markOf = createMarks(platform)
  const queues = new Map<string, BridgeQueue>()
  const entries = new Map<string, EntryCounts>()
  const onFault = (err: unknown): void => log.error('the queue of a bridge failed', { err })

  const folderOf = (instance: string): string => join(folder, instance)
  const queueOf = (instance: string, limitBytes: number): BridgeQueue => {
    const known = queues.get(instance)
    if (known) return known
    const made = openBridgeQueue({ instance, folder: folderOf(instance), limitBytes, durable, hub, clock, onFault })
    queues.set(instance, made)
    return made
  }
  const countsOf = (instance: string): EntryCounts => {
    const known = entries.get(instance) ?? { received: 0, refused: 0, looped: 0 }
    entries.set(instance, known)
    return known
  }
  const folders = async (of: string): Promise<string[]> => {
    const found = await readdir(of, { withFileTypes: true }).catch(() => [])
    return found.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  }

  return {
    async restore() {
      for (const plugin of await folders(folder))
        for (const name of await folders(join(folder, plugin))) {
          const instance = `${plugin}/${name}`
          try {
            const tap = await readTap(folderOf(instance))
            if (tap) await queueOf(instance, tap.limitBytes).take(tap.filters, tap.limitBytes)
          } catch (error) {
            // What it wants is not acknowledged as long as its queue cannot be written.
            onFault(error)
          }
        }
    },
    async prune(isEnabled) {
      for (const [instance, queue] of queues) {
        const [plugin = '', name = ''] = instance.split('/')
        if (!isEnabled(plugin, name)) await queue.rest()
      }
    },
    join(_name, bridge, { instance: { plugin, name }, settings, health, namesTags }) {
      const instance = `${plugin}/${name}`
      const trouble = (why: string | undefined): void => (why === undefined ? health('ok') : health('degraded', why))
      const target = { instance, delivery: settings.delivery ?? {}, most: undefined, trouble }
      const { write, send } = bridge
      // Under other settings it may have been given messages.
      if (write || !send || bridge.out.length === 0) queues.get(instance)?.rest().catch(onFault)
      if (write) {
        return deliveries.open({
          ...target,
          select: settings.select ?? {},
          ordered: true,
          tags: namesTags,
          write: (records, options) => write.call(bridge, records, options),
        })
      }
      if (!send || bridge.out.length === 0) return async () => undefined
      const limitBytes = (bridge.queueMb ?? defaultQueueMb) * mebibyte
      const queue = queueOf(instance, limitBytes)
      const taking = queue.take(bridge.out, limitBytes)
      const opened = taking.then(async () =>
        deliveries.openMessages({
          ...target,
          log: await queue.log,
          markOf,
          write: (messages, options) => send.call(bridge, messages, options),
        }),
      )
      opened.catch((error: unknown) => {
        onFault(error)
        trouble(error instanceof Error ? error.message : String(error))
      })
      return async () => {
        // One that could not be opened has been told of.
        const close = await opened.catch(() => undefined)
        await close?.()
      }
    },
    link(rights, { instance, own }) {
      const counts = countsOf(`${instance.plugin}/${instance.name}`)
      const entry = openBridgeEntry({ hub, instance, rights, createDevice, markOf, counts })
      own('bridge entry', () => entry.close())
      return entry
    },
    async status(instance) {
      const counts = entries.get(instance)
      if (!counts) return undefined
      const queue = queues.get(instance)
      const opened = await queue?.log
      return {
        ...counts,
        shed: queue?.counts.shed ?? 0,
        turnedAway: queue?.counts.turnedAway ?? 0,
        queueBytes: opened?.bytes ?? 0,
        queueLimitBytes: opened?.limitBytes ?? 0,
      }
    },
    rest: async (instance) => queues.get(instance)?.rest(),
    async forget(instance) {
      const queue = queues.get(instance)
      queues.delete(instance)
      entries.delete(instance)
      await queue?.rest()
      await queue?.close()
      await rm(folderOf(instance), { recursive: true, force: true })
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()))
    },
  }
}
