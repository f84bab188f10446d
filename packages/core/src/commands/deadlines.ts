import type { Clock } from '../clock.ts'
import { commandLimits } from './limits.ts'

interface Deadline<T> {
  atMicros: number
  item: T
}

/** Tells of each item once its time has come, with one timer for the earliest of them (a binary heap). */
export interface Deadlines<T> {
  add(atMicros: number, item: T): void
  close(): void
}

export function createDeadlines<T>(clock: Clock, onDue: (item: T) => void): Deadlines<T> {
  const heap: Deadline<T>[] = []
  let cancel = () => {}
  let closed = false

  const at = (i: number): number => heap[i]?.atMicros ?? Number.POSITIVE_INFINITY

  function swap(i: number, j: number): void {
    const [a, b] = [heap[i], heap[j]]
    if (!a || !b) return
    heap[i] = b
    heap[j] = a
  }

  function takeFirst(): Deadline<T> | undefined {
    const first = heap[0]
    const last = heap.pop()
    if (heap.length > 0 && last) heap[0] = last
    for (let i = 0; ;) {
      const left = 2 * i + 1
      const child = at(left + 1) < at(left) ? left + 1 : left
      if (at(child) >= at(i)) return first
      swap(i, child)
      i = child
    }
  }

  function arm(): void {
    cancel()
    if (closed || heap.length === 0) return
    const ms = Math.ceil((at(0) - clock.nowMicros()) / 1000)
    cancel = clock.after(Math.min(Math.max(ms, 0), commandLimits.timerMs), ring)
  }

  function ring(): void {
    while (at(0) <= clock.nowMicros()) {
      const due = takeFirst()
      if (due) onDue(due.item)
    }
    arm()
  }

  return {
    add(atMicros, item) {
      heap.push({ atMicros, item })
      let i = heap.length - 1
      while (i > 0) {
        const parent = (i - 1) >> 1
        if (at(parent) <= at(i)) break
        swap(i, parent)
        i = parent
      }
      if (i === 0) arm()
    },
    close() {
      closed = true
      cancel()
    },
  }
}
