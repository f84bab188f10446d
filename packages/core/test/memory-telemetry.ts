// oxlint-disable typescript/no-unsafe-type-assertion -- values read back from JSON, buffers that nobody shares
import { StoreUnavailable } from '../src/store-unavailable.ts'
import type { Batch, CommittedRecord, DeviceSeries, Point, PointJson, TelemetryStore } from '../src/telemetry/port.ts'
import { kinds } from '../src/telemetry/port.ts'

/** What a test may do to a store that a real one cannot be asked for. */
export interface MemoryTelemetry extends TelemetryStore {
  /** While true, appends and opens reject with StoreUnavailable. */
  failing: boolean
  /** While set, appends wait for it before they commit. */
  gate: Promise<void> | undefined
  /** Rows of each append, in order. */
  readonly appends: number[]
  /** Devices whose series somebody holds, and how often. */
  readonly held: Map<string, number>
  points(device: string): Point[]
}

interface Series extends DeviceSeries {
  readonly keys: Map<string, number>
}

/** An honest TelemetryStore in memory: buffers are taken over, the same point again replaces the earlier value. */
export function createMemoryTelemetry(): MemoryTelemetry {
  const devices = new Map<string, Series>()
  const names: { device: string; key: string }[] = []
  const stored = new Map<string, Point>()
  const held = new Map<string, number>()
  const log: CommittedRecord[] = []
  let seq = 0
  let turn: Promise<unknown> = Promise.resolve()

  const rows = (batch: Batch) => {
    let text = 0
    for (let i = 0; i < batch.length; i++) {
      const kind = batch.kind[i]
      let value: PointJson
      if (kind === kinds.text) value = batch.text[text++]!
      else if (kind === kinds.json) value = JSON.parse(batch.text[text++]!) as object
      else value = kind === kinds.boolean ? batch.number[i] === 1 : batch.number[i]!
      const { device, key } = names[batch.series[i]!]!
      const at = batch.at[i]!
      stored.set(`${device}\0${key}\0${at}`, { key, at, value })
      seq++
      const last = log.at(-1)
      if (i > 0 && last && last.device === device && last.at === at && !Object.hasOwn(last.values, key)) {
        last.values[key] = value
        last.seq = seq
      } else log.push({ writer: 'memory', seq, device, at, values: { [key]: value } })
    }
    return seq
  }
  const pointsOf = (device: string) =>
    [...stored]
      .filter(([id]) => id.startsWith(`${device}\0`))
      .map(([, point]) => point)
      .sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1))

  const store: MemoryTelemetry = {
    writer: 'memory',
    failing: false,
    gate: undefined,
    appends: [],
    held,
    points: pointsOf,
    async openDevice(device) {
      await Promise.resolve()
      if (store.failing) throw new StoreUnavailable('told to fail')
      let series = devices.get(device)
      if (!series) devices.set(device, (series = { device, keys: new Map() }))
      held.set(device, (held.get(device) ?? 0) + 1)
      return series
    },
    addSeries(device, key) {
      const known = device.keys.get(key)
      if (known !== undefined) return known
      const id = names.push({ device: device.device, key }) - 1
      devices.get(device.device)?.keys.set(key, id)
      return id
    },
    releaseDevice({ device }) {
      const left = (held.get(device) ?? 0) - 1
      if (left < 0) throw new Error(`${device} was released more often than opened`)
      if (left === 0) held.delete(device)
      else held.set(device, left)
    },
    append(batch) {
      const taken = structuredClone(batch, {
        transfer: [batch.series, batch.at, batch.kind, batch.number].map(({ buffer }) => buffer as ArrayBuffer),
      })
      store.appends.push(taken.length)
      const { gate } = store
      const commit = turn.then(async () => {
        await gate
        if (store.failing) throw new StoreUnavailable('told to fail')
        return rows(taken)
      })
      turn = commit.catch(() => {
        // The caller hears of it; the next batch only waits for its end.
      })
      return commit
    },
    async latest(device) {
      const latest: Record<string, { at: number; value: PointJson }> = {}
      for (const { key, at, value } of pointsOf(device)) latest[key] = { at, value }
      return latest
    },
    async range() {
      return { series: {}, mismatch: [] }
    },
    async raw({ device, limit }) {
      return { items: pointsOf(device).slice(0, limit) }
    },
    end: () => ({ memory: seq }),
    async readCommitted(cursor, limit) {
      const after = cursor['memory'] ?? 0
      const records = log.filter((record) => record.seq > after).slice(0, limit)
      return { records, cursor: { memory: records.at(-1)?.seq ?? after } }
    },
    async deleteDevice(device) {
      for (const id of stored.keys()) if (id.startsWith(`${device}\0`)) stored.delete(id)
      devices.delete(device)
    },
    async retain({ device, before }) {
      const old = [...stored].filter(([id, { at }]) => id.startsWith(`${device}\0`) && at < before)
      for (const [id] of old) stored.delete(id)
      return { dropped: old.length, unread: 0 }
    },
    async holdCommitted() {},
    async devices(after, limit) {
      const all = [...devices.keys()].filter((each) => each > after)
      return all.toSorted((a, b) => (a < b ? -1 : 1)).slice(0, limit)
    },
    async stats() {
      return { bytes: 0, points: stored.size, series: names.length, pointsPerDay: 0, droppedUnread: 0 }
    },
    async close() {},
  }
  return store
}
