import type { TypeRecord } from '../devices/port.ts'
import { refuse } from '../errors.ts'
import type { DeviceSeries, TelemetryStore } from '../telemetry/port.ts'
import { ingestLimits } from './limits.ts'
import { createTypeRules, type TypeMisfits, type TypeRules } from './type-rules.ts'
import { createWatches, type HearPoints, type Watch } from './watches.ts'

/** What ingest keeps of one device while somebody publishes for it. */
export interface DeviceIngest {
  readonly device: string
  readonly series: DeviceSeries
  readonly misfits: TypeMisfits
  rules: TypeRules
  /** The last time that the platform gave, 0 = none yet. */
  lastArrival: number
  /** Messages handed to the store and not settled. */
  waiting: number
  /** Topics and sessions that hold it. */
  holders: number
  /** Set while somebody looks at the device. */
  watch: Watch | undefined
  /** The series of a key that has none yet; refuses the one too many. */
  addSeries(key: string): number
  /** The device was deleted: nothing may be stored under these series any more. */
  gone: boolean
}

/** One record per device however many connections it has, kept a while after the last has gone (HTTP opens one per request). */
export interface DeviceIngestPool {
  /** The record of a device that is known here already. */
  peek(device: string): DeviceIngest | undefined
  /** Opens the device's series on first use. Each acquire wants one release. */
  acquire(device: string, type: TypeRecord | undefined): DeviceIngest | Promise<DeviceIngest>
  release(ingest: DeviceIngest): void
  /** The device now has this type. */
  retype(device: string, type: TypeRecord | undefined): void
  /** The type itself changed. */
  typeChanged(type: TypeRecord): void
  /** The device was deleted. */
  drop(device: string): void
  /** Tells what becomes durable for the device, known here or not; one ear a device. The answer ends it. */
  watch(device: string, hear: HearPoints): () => void
  /** Values per type that did not fit and were stored. */
  misfits(): ReadonlyMap<string, TypeMisfits>
  close(): void
}

export function createDeviceIngestPool(
  telemetry: TelemetryStore,
  onFault: (error: unknown) => void = () => {},
): DeviceIngestPool {
  const records = new Map<string, DeviceIngest>()
  const opening = new Map<string, Promise<DeviceIngest>>()
  const idle = new Set<DeviceIngest>()
  const byType = new Map<string, TypeMisfits>()
  const watches = createWatches((device) => {
    const ingest = records.get(device)
    if (ingest) ingest.watch = watches.of(device)
  }, onFault)

  function rulesOf(type: TypeRecord | undefined): TypeRules {
    const id = type?.id ?? 'default'
    let misfits = byType.get(id)
    if (!misfits) byType.set(id, (misfits = { undeclared: 0, outOfRange: 0 }))
    return createTypeRules(type, misfits)
  }

  function hold(ingest: DeviceIngest): DeviceIngest {
    ingest.holders++
    idle.delete(ingest)
    return ingest
  }

  async function openSeries(device: string, type: TypeRecord | undefined): Promise<DeviceIngest> {
    try {
      const series = await telemetry.openDevice(device)
      const misfits = { undeclared: 0, outOfRange: 0 }
      const rules = rulesOf(type)
      const addSeries = (key: string): number => {
        if (series.keys.size >= ingestLimits.keysPerDevice) throw refuse('KEYS_EXCEEDED')
        return telemetry.addSeries(series, key)
      }
      const ingest: DeviceIngest = {
        device,
        series,
        misfits,
        rules,
        addSeries,
        watch: watches.of(device),
        lastArrival: 0,
        waiting: 0,
        holders: 0,
        gone: false,
      }
      records.set(device, ingest)
      return ingest
    } catch (cause) {
      throw refuse('STORE_UNAVAILABLE', undefined, { cause })
    } finally {
      opening.delete(device)
    }
  }

  function shrink(): void {
    for (const ingest of idle) {
      if (idle.size <= ingestLimits.idleDevices) return
      // Its messages still carry the series; a later pass takes it.
      if (ingest.waiting > 0) continue
      idle.delete(ingest)
      records.delete(ingest.device)
      telemetry.releaseDevice(ingest.series)
    }
  }

  return {
    peek: (device) => records.get(device),
    acquire(device, type) {
      const known = records.get(device)
      if (known) return hold(known)
      let open = opening.get(device)
      if (!open) opening.set(device, (open = openSeries(device, type)))
      return open.then(hold)
    },
    release(ingest) {
      if (--ingest.holders > 0 || ingest.gone) return
      idle.add(ingest)
      if (idle.size > ingestLimits.idleDevices) shrink()
    },
    retype(device, type) {
      const ingest = records.get(device)
      if (ingest) ingest.rules = rulesOf(type)
    },
    typeChanged(type) {
      for (const ingest of records.values()) if (ingest.rules.id === type.id) ingest.rules = rulesOf(type)
    },
    drop(device) {
      const ingest = records.get(device)
      if (!ingest) return
      ingest.gone = true
      records.delete(device)
      idle.delete(ingest)
      telemetry.releaseDevice(ingest.series)
    },
    watch: (device, hear) => watches.add(device, hear),
    misfits: () => byType,
    close() {
      for (const ingest of records.values()) telemetry.releaseDevice(ingest.series)
      records.clear()
      idle.clear()
    },
  }
}
