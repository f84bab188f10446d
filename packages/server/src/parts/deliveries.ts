import { type Deliveries, createDeliveries } from '@patchbay/core/delivery/deliveries'
import type { SelectedDevice } from '@patchbay/core/delivery/selection'
import type { Clock } from '@patchbay/core/clock'
import type { RegistryStore } from '@patchbay/core/registry/port'
import { createKnownDevices } from '@patchbay/core/rules/known-devices'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { ServiceOwner } from '@patchbay/plugin-host/services'
import type { Log, Sink } from '@patchbay/sdk'
import type { Domain } from './domain.ts'

export interface DeliveriesPartOptions {
  domain: Pick<Domain, 'devices' | 'onEvent'>
  registry: RegistryStore
  telemetry: TelemetryStore
  clock: Clock
  log: Log
}

/** Joins deliveries to devices and telemetry. Types and tags of all devices are read when a sink first asks for them. */
export function createDeliveriesPart({ domain, registry, telemetry, clock, log }: DeliveriesPartOptions): Deliveries {
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
  return createDeliveries({
    registry,
    telemetry,
    clock,
    random: Math.random,
    typeOf: (device) => domain.devices.typeOf(device),
    devices,
    onFault: (err) => log.error('a delivery failed in the background; it is tried again', { err }),
  })
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
    write: (records, options) => sink.write(records, options),
    trouble: (why) => (why === undefined ? owner.health('ok') : owner.health('degraded', why)),
  })
}
