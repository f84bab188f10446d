import type { RecordValue, SinkRecord } from '@patchbay/sdk'

/** Series of which the last value is remembered; beyond it all are sent once again. */
const maxSeries = 200_000

type Values = Record<string, RecordValue>

/** Lets through what differs from what was sent last. */
export interface ChangeFilter {
  /** What is left of a record; undefined: nothing. The same record again is judged as before. */
  thin(record: SinkRecord): Values | undefined
  /** These are safe at the other side, or refused there. */
  settle(ids: Iterable<string>): void
}

const isSame = (a: RecordValue, b: RecordValue, deadBand: number): boolean => {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= deadBand
  return a === b || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b))
}

/** What was sent last is in memory: after a restart each value goes once, whatever it is. `everyMicros`: a value goes after this in any case. */
export function createChangeFilter({ deadBand, everyMicros }: { deadBand: number; everyMicros: number }): ChangeFilter {
  const sent = new Map<string, { value: RecordValue; at: number }>()
  /** Of records that may come again, since the target was away. */
  const judged = new Map<string, Values | undefined>()

  const judge = ({ device, at, values }: SinkRecord): Values | undefined => {
    const left = Object.entries(values).filter(([key, value]) => {
      const last = sent.get(`${device}\0${key}`)
      return !last || Math.abs(at - last.at) >= everyMicros || !isSame(last.value, value, deadBand)
    })
    if (left.length === 0) return undefined
    if (sent.size + left.length > maxSeries) sent.clear()
    for (const [key, value] of left) sent.set(`${device}\0${key}`, { value, at })
    return Object.fromEntries(left)
  }
  return {
    thin(record) {
      if (!judged.has(record.id)) judged.set(record.id, judge(record))
      return judged.get(record.id)
    },
    settle(ids) {
      for (const id of ids) judged.delete(id)
    },
  }
}
