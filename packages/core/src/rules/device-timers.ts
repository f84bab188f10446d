import type { DeviceRules } from './device-rules.ts'
import { createDueHeap } from './due-heap.ts'
import { ruleLimits } from './limits.ts'

/** When time alone has something to do on a device. A due time that moves away is only noticed when the earlier one comes. */
export interface DeviceTimers {
  /** The due time of the device may have come nearer. */
  schedule(held: DeviceRules): void
  /** Does what is due until then, a few milliseconds at a time. */
  fire(until: number): Promise<void>
  /** All due times changed. */
  clear(): void
}

export function createDeviceTimers(
  isHeld: (held: DeviceRules) => boolean,
  work: (held: DeviceRules, until: number) => void,
): DeviceTimers {
  const heap = createDueHeap<DeviceRules>()

  function schedule(held: DeviceRules): void {
    if (held.due >= held.scheduled) return
    held.scheduled = held.due
    heap.push(held.due, held)
  }

  return {
    schedule,
    async fire(until) {
      let began = performance.now()
      for (let entry = heap.pop(until); entry; entry = heap.pop(until)) {
        const held = entry.item
        held.scheduled = Number.POSITIVE_INFINITY
        if (!isHeld(held)) continue
        if (held.due <= until) work(held, until)
        else schedule(held)
        if (performance.now() - began > ruleLimits.turnMs) {
          await new Promise<void>((resolve) => setImmediate(resolve))
          began = performance.now()
        }
      }
    },
    clear: () => heap.clear(),
  }
}
