import type { Clock } from '../clock.ts'
import type { DeviceEvent, HearDeviceEvent, PresenceListener } from '../devices/port.ts'
import type { RegistryStore } from '../registry/port.ts'
import type { PresenceStatus } from './port.ts'
import { createPresenceStore, readOne, readPresence } from './presence-store.ts'
import { createEntry, endOfSilence, type PresenceEntry } from './presence-entry.ts'

/** One look at all devices that are online. */
export const sweepMs = 1000
/** A session's end, and a restart, are forgiven this long. */
export const reconnectMs = 10_000
/** After a pause of the process this long, one look is left out: what the devices sent meanwhile is still to be read. */
const stallMs = 5000
export const seenFlushMs = 60_000
/** A device that another node tells of is told of here, too, when it shows life here for so long unheard of there. */
export const claimMs = 10_000

export interface Presence extends PresenceListener {
  /** Reads what was known before the start. Devices that were online have a while to show that they still are. */
  load(): Promise<void>
  status(device: string): PresenceStatus
  /** Another node told of these; of all when not said. */
  reread(ids?: readonly string[]): Promise<void>
  /** That node is gone: its devices have a while to show themselves here or elsewhere. */
  adopt(node: string): void
  /** To be told every device event. */
  follow(event: DeviceEvent): void
  /** Writes all that the store does not have yet; rejects when it cannot take it. */
  flush(): Promise<void>
  close(): Promise<void>
  readonly onlineCount: number
}

/**
 * Who is there. Online is a live session or a sign of life within the heartbeat; a heartbeat missed is offline even with a session.
 * Durations are monotonic time, so a clock that is set makes nobody come or go.
 */
export function createPresence(deps: {
  registry: RegistryStore
  clock: Clock
  heartbeatMs: (device: string) => number
  /** This node, and whether another one is there. */
  nodes?: { id: string; isLive(node: string): boolean } | undefined
  hear: HearDeviceEvent
  failed?: (error: unknown) => void
}): Presence {
  const { clock, heartbeatMs, hear } = deps
  const entries = new Map<string, PresenceEntry>()
  const online = new Set<PresenceEntry>()
  const store = createPresenceStore({ ...deps, node: deps.nodes?.id })
  let lastSweepMs = clock.monotonicMs()
  let lastSeenFlushMs = lastSweepMs
  let cancelSweep = () => {}
  let closed = false

  const entryOf = (device: string): PresenceEntry => {
    let entry = entries.get(device)
    if (!entry) entries.set(device, (entry = createEntry(device)))
    return entry
  }

  /** From now on this node tells of the device. */
  const claim = (entry: PresenceEntry) => {
    entry.node = undefined
    entry.heartbeatMs = heartbeatMs(entry.device)
    online.add(entry)
    store.save(entry)
  }

  const isElsewhere = ({ node }: PresenceEntry): boolean =>
    node !== undefined && node !== deps.nodes?.id && deps.nodes?.isLive(node) === true

  /** A device that was online has a while to show that it still is. */
  const expect = (entry: PresenceEntry) => {
    const now = clock.monotonicMs()
    entry.node = undefined
    entry.heartbeatMs = heartbeatMs(entry.device)
    entry.aliveMs = now + Math.max(0, reconnectMs - entry.heartbeatMs)
    if (entry.wasConnected) entry.closedMs = now
    online.add(entry)
  }

  const told = (id: string, found: PresenceEntry | undefined) => {
    const entry = entries.get(id)
    if (!found || !isElsewhere(found)) return
    if (!entry) entries.set(id, found)
    const mine = entry ?? found
    const changed = mine !== found && mine.status !== found.status
    online.delete(mine)
    store.drop(mine)
    const { node, status, sinceMicros, seenMicros, wasConnected } = found
    Object.assign(mine, { node, status, sinceMicros, seenMicros, wasConnected, toldMs: clock.monotonicMs() })
    mine.storedSeenMicros = seenMicros
    // It went there, and is here still.
    if (status === 'offline' && mine.sessions > 0) return turn(mine, 'online', 'A session is open.')
    if (changed || mine === found) {
      const at = sinceMicros
      const why = 'Another node says so.'
      hear({ kind: 'status', device: id, status: status === 'online' ? 'online' : 'offline', at, why })
    }
  }

  const turn = (entry: PresenceEntry, status: 'online' | 'offline', why: string) => {
    entry.status = status
    entry.node = undefined
    entry.sinceMicros = clock.nowMicros()
    if (status === 'online') {
      entry.heartbeatMs = heartbeatMs(entry.device)
      online.add(entry)
    } else {
      online.delete(entry)
    }
    store.save(entry)
    hear({ kind: 'status', device: entry.device, status, at: entry.sinceMicros, why })
  }

  const sweep = () => {
    const now = clock.monotonicMs()
    const stalled = now - lastSweepMs > stallMs
    lastSweepMs = now
    if (!stalled) {
      for (const entry of online) {
        const why = endOfSilence(entry, now, reconnectMs)
        if (why) turn(entry, 'offline', why)
      }
    }
    if (now - lastSeenFlushMs >= seenFlushMs) {
      lastSeenFlushMs = now
      saveSeen()
    }
    if (!closed) cancelSweep = clock.after(sweepMs, sweep)
  }
  const saveSeen = () => {
    for (const entry of entries.values())
      if (entry.node === undefined && entry.seenMicros !== entry.storedSeenMicros) store.save(entry)
  }
  cancelSweep = clock.after(sweepMs, sweep)

  return {
    async load() {
      for await (const entry of readPresence(deps.registry)) {
        // Whoever showed life while this was read is known better already.
        if (entries.has(entry.device)) continue
        entries.set(entry.device, entry)
        if (isElsewhere(entry)) continue
        if (entry.status === 'online') expect(entry)
        entry.node = undefined
      }
    },
    async reread(ids) {
      if (ids) for (const id of ids) told(id, await readOne(deps.registry, id))
      else for await (const entry of readPresence(deps.registry)) told(entry.device, entry)
    },
    adopt(node) {
      for (const entry of entries.values()) {
        if (entry.node === node && entry.status === 'online') expect(entry)
      }
    },
    alive(device, atMicros) {
      const entry = entries.get(device) ?? entryOf(device)
      entry.aliveMs = clock.monotonicMs()
      entry.seenMicros = atMicros
      // Life by requests after the last session's end counts for a whole heartbeat.
      if (entry.sessions === 0) entry.closedMs = -1
      if (entry.status !== 'online') turn(entry, 'online', 'A message or ping came.')
      else if (entry.node !== undefined && entry.aliveMs - entry.toldMs > claimMs) claim(entry)
    },
    sessionOpened(device) {
      const entry = entryOf(device)
      entry.sessions++
      entry.closedMs = -1
      entry.aliveMs = clock.monotonicMs()
      entry.seenMicros = clock.nowMicros()
      if (entry.status !== 'online') turn(entry, 'online', 'A session was opened.')
      else if (entry.node !== undefined) claim(entry)
    },
    sessionClosed(device) {
      const entry = entries.get(device)
      if (!entry || entry.sessions === 0) return
      entry.sessions--
      if (entry.sessions === 0) entry.closedMs = clock.monotonicMs()
    },
    status(device) {
      const entry = entries.get(device)
      if (!entry || entry.status === 'never') return { status: 'never' }
      return {
        status: entry.status,
        since: new Date(entry.sinceMicros / 1000).toISOString(),
        ...(entry.seenMicros > 0 ? { lastSeenAt: new Date(entry.seenMicros / 1000).toISOString() } : {}),
      }
    },
    follow(event) {
      if (event.kind === 'deleted' || event.kind === 'created') {
        const entry = entries.get(event.device.id)
        if (!entry) return
        entries.delete(event.device.id)
        online.delete(entry)
        store.drop(entry)
      } else if (event.kind === 'changed') {
        const entry = entries.get(event.device.id)
        if (entry) entry.heartbeatMs = heartbeatMs(entry.device)
      } else if (event.kind === 'type-changed') {
        for (const entry of online) entry.heartbeatMs = heartbeatMs(entry.device)
      }
    },
    flush() {
      saveSeen()
      return store.flush()
    },
    async close() {
      closed = true
      cancelSweep()
      saveSeen()
      await store.close()
    },
    get onlineCount() {
      return online.size
    },
  }
}
