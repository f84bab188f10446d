import type { Deliveries } from '@patchbay/core/delivery/deliveries'
import type { SelectedDevice } from '@patchbay/core/delivery/selection'
import type { Clock } from '@patchbay/core/clock'
import type { RegistryStore } from '@patchbay/core/registry/port'
import { createKnownDevices } from '@patchbay/core/rules/known-devices'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { ServiceOwner } from '@patchbay/plugin-host/services'
import type { Log, Sink } from '@patchbay/sdk'
import type { Placement } from '../nodes/placement.ts'
import type { Domain } from './domain.ts'

export interface DeliveriesPartOptions {
  domain: Pick<Domain, 'devices' | 'onEvent'>
  registry: RegistryStore
  telemetry: TelemetryStore
  clock: Clock
  placement: Pick<Placement, 'isSure'>
  log: Log
}

/**
 * Joins deliveries to devices and telemetry. The engine is loaded with the first sink, types and tags of all devices when a sink first asks for
 * them: a platform without sinks pays for neither.
 */
export function createDeliveriesPart({
  domain,
  registry,
  telemetry,
  clock,
  placement,
  log,
}: DeliveriesPartOptions): Deliveries {
  const known = createKnownDevices(registry)
  let reading: Promise<void> | undefined
  domain.onEvent((event) => {
    if (!reading) return
    if (event.kind === 'created' || event.kind === 'changed') known.set(event.device)
    else if (event.kind === 'deleted') known.delete(event.device.id)
  })
  const devices = async (): Promise<(device: string) => SelectedDevice | undefined> => {
    reading ??= known.read()
    // What could not be read is read when the next one asks.
    reading.catch(() => (reading = undefined))
    await reading
    return (device) => known.all.get(device)
  }
  const onFault = (err: unknown): void => log.error('a delivery failed in the background; it is tried again', { err })
  let closed = false
  let engine: Deliveries | undefined
  let loading: Promise<Deliveries> | undefined
  const load = (): Promise<Deliveries> => {
    loading ??= import('@patchbay/core/delivery/deliveries').then(({ createDeliveries }) => {
      engine = createDeliveries({
        registry,
        telemetry,
        clock,
        random: Math.random,
        typeOf: (device) => domain.devices.typeOf(device),
        devices,
        isSure(instance) {
          const [plugin = '', name = ''] = instance.split('/')
          return placement.isSure(plugin, name)
        },
        onFault,
      })
      if (closed) engine.close()
      return engine
    })
    // What could not be loaded is tried again by the next one.
    loading.catch(() => (loading = undefined))
    return loading
  }

  const openWith = (
    trouble: (why: string) => void,
    open: (deliveries: Deliveries) => () => Promise<void>,
  ): (() => Promise<void>) => {
    const opened = load().then(open)
    opened.catch((error: unknown) => {
      onFault(error)
      trouble(error instanceof Error ? error.message : String(error))
    })
    return async () => {
      // One that could not be opened has been told of.
      const close = await opened.catch(() => undefined)
      await close?.()
    }
  }

  return {
    open(target) {
      const now = { ...telemetry.end() }
      return openWith(target.trouble, (deliveries) => deliveries.open(target, now))
    },
    openMessages: (target) => openWith(target.trouble, (deliveries) => deliveries.openMessages(target)),
    running: () => engine?.running() ?? new Map(),
    status: async (instance) => (await load()).status(instance),
    letters: async (instance) => (await load()).letters(instance),
    redrive: async (instance, choice) => (await load()).redrive(instance, choice),
    replay: async (instance, from) => (await load()).replay(instance, from),
    rest: async (instance) => (await load()).rest(instance),
    forget: async (instance) => (await load()).forget(instance),
    close() {
      closed = true
      engine?.close()
    },
  }
}

/** Brings what an instance selects to its sink, while it runs. */
export function joinSink(deliveries: Deliveries, name: string, sink: Sink, owner: ServiceOwner): () => Promise<void> {
  const { instance, manifest, settings } = owner
  const declared = manifest.contributes.sinks?.find((each) => each.name === name)
  return deliveries.open({
    instance: `${instance.plugin}/${instance.name}`,
    select: settings.select ?? {},
    delivery: settings.delivery ?? {},
    most: declared?.batch,
    ordered: declared?.ordering !== 'none',
    tags: owner.namesTags,
    write: (records, options) => sink.write(records, options),
    trouble: (why) => (why === undefined ? owner.health('ok') : owner.health('degraded', why)),
  })
}
