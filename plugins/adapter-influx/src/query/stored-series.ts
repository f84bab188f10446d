import type { StoredValue, TelemetryReader } from '@patchbay/sdk'
import type { Budget } from './budget.ts'
import type { Value } from './evaluate.ts'
import { queryLimits } from './limits.ts'
import type { FieldType, Row, Series, Span } from './series.ts'

export const typeOfValue = (value: StoredValue): FieldType =>
  typeof value === 'number' ? 'float' : typeof value === 'boolean' ? 'boolean' : 'string'

const toValue = (value: StoredValue): Value => (typeof value === 'object' ? JSON.stringify(value) : value)

export interface StoredField {
  keys: string[]
  type: FieldType
  last: { at: number; value: StoredValue }
}

export interface StoredSeries {
  device: string
  tags: ReadonlyMap<string, string>
  /** Name of the field → the keys that hold it, and what their newest point is. */
  fields: ReadonlyMap<string, StoredField>
  newest: number
  /** What else the device's id may be asked for by. */
  fallbackTag: string
}

export function createStoredSeries(of: StoredSeries, reader: TelemetryReader, budget: Budget): Series {
  const { device, tags, fields, newest, fallbackTag } = of

  async function* rows(names: readonly string[], { from, to }: Span): AsyncGenerator<readonly Row[]> {
    const places = new Map<string, number>()
    for (const [place, name] of names.entries()) for (const key of fields.get(name)?.keys ?? []) places.set(key, place)
    if (places.size === 0 || from >= to) return
    const keys = [...places.keys()]
    let cursor: string | undefined
    // The last time of a page may go on with the next one.
    let open: Row | undefined
    do {
      const ask = { device, keys, from, to, limit: queryLimits.page }
      const page = await reader.raw(cursor === undefined ? ask : { ...ask, cursor }, budget.signal)
      budget.points(page.items.length)
      const made: Row[] = []
      for (const { key, at, value } of page.items) {
        if (!open || open.at !== at) {
          if (open) made.push(open)
          open = { at, values: Array.from({ length: names.length }, () => null) }
        }
        open.values[places.get(key) ?? 0] = toValue(value)
      }
      cursor = page.nextCursor
      if (cursor === undefined && open) made.push(open)
      yield made
    } while (cursor !== undefined)
  }

  return {
    tags,
    fields: new Map([...fields].map(([name, { type }]) => [name, type])),
    tag: (name) => tags.get(name) ?? (name === fallbackTag && !fields.has(name) ? device : ''),
    newest,
    last(field) {
      const last = fields.get(field)?.last
      return last && { at: last.at, value: toValue(last.value) }
    },
    rows,
    async rolled(field, { from, to }, step, aggregate) {
      const [key, ...more] = fields.get(field)?.keys ?? []
      // Two keys of one field can hold the same time.
      if (key === undefined || more.length > 0) return undefined
      const answer = await reader.range({ device, keys: [key], from, to, step, aggregate }, budget.signal)
      if (answer.mismatch.length > 0) return undefined
      const buckets = answer.series[key] ?? []
      budget.points(buckets.length)
      return buckets.map(({ at, value }) => ({ at, value: toValue(value) }))
    },
  }
}
