/** Things that are due at a time, the earliest first. An entry whose thing has another time meanwhile is the caller's to see. */
export interface DueHeap<T> {
  push(due: number, item: T): void
  /** The earliest that is due until then. */
  pop(until: number): { due: number; item: T } | undefined
  clear(): void
  readonly size: number
}

export function createDueHeap<T>(): DueHeap<T> {
  let heap: { due: number; item: T }[] = []
  const dueAt = (index: number): number => heap[index]?.due ?? Number.POSITIVE_INFINITY

  function swap(a: number, b: number): void {
    const first = heap[a]
    const second = heap[b]
    if (!first || !second) return
    heap[a] = second
    heap[b] = first
  }

  return {
    push(due, item) {
      let index = heap.push({ due, item }) - 1
      while (index > 0) {
        const parent = (index - 1) >> 1
        if (dueAt(parent) <= due) break
        swap(index, parent)
        index = parent
      }
    },
    pop(until) {
      const first = heap[0]
      if (!first || first.due > until) return undefined
      const last = heap.pop()
      if (last && heap.length > 0) {
        heap[0] = last
        for (let index = 0; ;) {
          const left = 2 * index + 1
          const child = dueAt(left + 1) < dueAt(left) ? left + 1 : left
          if (dueAt(child) >= last.due) break
          swap(index, child)
          index = child
        }
      }
      return first
    },
    clear() {
      heap = []
    },
    get size() {
      return heap.length
    },
  }
}
