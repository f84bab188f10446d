import { join } from 'node:path'
import type { Clock } from '@patchbay/core/clock'
import type { Deliveries } from '@patchbay/core/delivery/deliveries'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Log } from '@patchbay/sdk'
import { bridgesFolder } from '../backup/data-files.ts'
import type { Placement } from '../nodes/placement.ts'
import type { Settings } from '../settings/settings.ts'
import { createBridges, type Bridges } from './bridges.ts'
import { createDeliveriesPart } from './deliveries.ts'
import type { Domain } from './domain.ts'
import { createFeedsPart } from './feeds.ts'
import { createLagHistory } from './lag-history.ts'

/** What brings data out to sinks and bridges, and in from sources. */
export interface Flows {
  deliveries: Deliveries
  bridges: Bridges
  feeds: ReturnType<typeof createFeedsPart>
  lagHistory: ReturnType<typeof createLagHistory>
}

export function createFlows(parts: {
  domain: Domain
  registry: RegistryStore
  telemetry: TelemetryStore
  placement: Pick<Placement, 'isSure'>
  settings: Pick<Settings, 'data' | 'durability'>
  clock: Clock
  log: Log
}): Flows {
  const { domain, registry, telemetry, placement, settings, clock, log } = parts
  const deliveries = createDeliveriesPart({ domain, registry, telemetry, clock, placement, log })
  const bridges = createBridges({
    hub: domain.hub,
    deliveries,
    async createDevice(id, type) {
      const made = domain.devices.create({ id, ...(type === undefined ? {} : { type }) })
      await made.catch(async (error: unknown) => {
        // Somebody else was quicker.
        await domain.devices.get(id).catch(() => Promise.reject(error))
      })
    },
    folder: join(settings.data, bridgesFolder),
    platform: telemetry.writer,
    durable: settings.durability === 'full',
    clock,
    log,
  })
  const feeds = createFeedsPart({ registry, clock })
  return { deliveries, bridges, feeds, lagHistory: createLagHistory({ deliveries, feeds, clock }) }
}
