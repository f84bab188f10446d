import { refuse } from '@patchbay/core/errors'
import { permits } from '@patchbay/core/people/permissions'
import type { People } from '@patchbay/core/people/people'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Telemetry, TelemetryReader } from '@patchbay/sdk'
import type { Domain } from './domain.ts'

export interface TelemetryAccessParts {
  telemetry: TelemetryStore
  devices: Pick<Domain['devices'], 'ids' | 'typeOf'>
  people: { apiKeys: Pick<People['apiKeys'], 'byId'> }
}

const options = (signal: AbortSignal | undefined) => (signal ? { signal } : {})

/** Stored telemetry for plugins that answer queries: each with the rights of who asks it. */
export const createTelemetryAccess = ({ telemetry, devices, people }: TelemetryAccessParts): Telemetry => {
  const readerOf = (ids: () => Iterable<string>, may: (device: string) => boolean): TelemetryReader => ({
    devices: ids,
    latest: async (device, signal) => (may(device) ? telemetry.latest(device, options(signal)) : {}),
    raw: async (ask, signal) => (may(ask.device) ? telemetry.raw(ask, options(signal)) : { items: [] }),
    range: async (ask, signal) =>
      may(ask.device) ? telemetry.range(ask, options(signal)) : { series: {}, mismatch: [] },
  })
  return {
    async as({ kind, id }) {
      if (kind === 'device')
        return readerOf(
          () => [id],
          (device) => device === id,
        )
      const key = kind === 'application' ? await people.apiKeys.byId(id) : undefined
      if (!key || !permits(key.permissions, 'telemetry.read')) throw refuse('TELEMETRY_FORBIDDEN')
      return readerOf(
        () => devices.ids(),
        (device) => devices.typeOf(device) !== undefined,
      )
    },
  }
}
