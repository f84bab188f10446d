import type { Value } from './evaluate.ts'
import type { OutRow } from './group.ts'
import type { Block } from './select.ts'
import { type FieldType, type Measurement, type Row, type Series, toMeasurement } from './series.ts'

const typeOfValue = (value: Value): FieldType =>
  typeof value === 'number' ? 'float' : typeof value === 'boolean' ? 'boolean' : 'string'

function toSeries(block: Block, rows: readonly OutRow[]): Series {
  const names = block.columns.slice(1)
  const ascending = rows.toSorted((a, b) => a.at - b.at)
  const fields = new Map<string, FieldType>()
  for (const [place, name] of names.entries()) {
    const known = ascending.find(({ values }) => (values[place] ?? null) !== null)
    if (known) fields.set(name, typeOfValue(known.values[place] ?? null))
  }
  const tags = new Map(block.tags ?? [])
  return {
    tags,
    fields,
    tag: (name) => tags.get(name) ?? '',
    newest: ascending.at(-1)?.at ?? 0,
    async *rows(wanted, { from, to }) {
      const places = wanted.map((name) => names.indexOf(name))
      const made = ascending.flatMap(({ at, values }): Row[] => {
        if (at < from || at >= to) return []
        const row = { at, values: places.map((place) => (place < 0 ? null : (values[place] ?? null))) }
        return row.values.some((value) => value !== null) ? [row] : []
      })
      yield made
    },
  }
}

/** The answer of a query as measurements that another one reads. */
export async function toInnerMeasurements(blocks: AsyncIterable<Block>): Promise<Measurement[]> {
  const found = new Map<string, Series[]>()
  for await (const block of blocks) {
    const rows: OutRow[] = []
    for await (const page of block.pages) for (const row of page) rows.push(row)
    const list = found.get(block.name) ?? []
    found.set(block.name, list)
    list.push(toSeries(block, rows))
  }
  return [...found].map(([name, series]) => toMeasurement(name, series, () => false))
}
