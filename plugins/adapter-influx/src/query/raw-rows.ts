import { evaluate } from './evaluate.ts'
import { fieldsOf, type Group, type Member, type OutRow, readerOf, rowsOf, spanOf } from './group.ts'
import type { Row, Series, Span } from './series.ts'

/** The newest rows are looked for in growing steps back from the newest point. */
const firstStepMicros = 3600e6
const stepGrowth = 4

interface Found {
  series: Series
  /** Of the series among those of its group. */
  place: number
  row: Row
}

/** Points as they are, of all series of a group in the order of their times. */
export async function* rawRows(group: Group): AsyncGenerator<OutRow[]> {
  const { measurement, columns, members, select } = group
  const chosen = fieldsOf(
    columns.map(({ expr }) => expr),
    measurement,
  )
  const conditions = members.flatMap(({ condition }) => (condition ? [condition] : []))
  const fields = [...new Set([...chosen, ...fieldsOf(conditions, measurement)])]
  const span = spanOf(group)
  const wanted = select.limit === undefined || select.limit === 0 ? Infinity : (select.offset ?? 0) + select.limit
  const read = readerOf(measurement, fields)
  const hasChosen = ({ values }: Row): boolean => chosen.some((_name, place) => (values[place] ?? null) !== null)

  const toOut = ({ series, row }: Pick<Found, 'series' | 'row'>): OutRow => {
    const variable = read(series, row.values)
    return { at: row.at, values: columns.map(({ expr }) => evaluate(expr, { variable })) }
  }
  async function* pagesOf(member: Member, of: Span): AsyncGenerator<readonly Row[]> {
    for await (const page of rowsOf(member, measurement, fields, of)) yield page.filter(hasChosen)
  }

  /** As many rows as are wanted, from the beginning of the span or from its end. */
  async function gather(member: Member): Promise<Row[]> {
    if (!select.descending || wanted === Infinity) return firstRows(pagesOf(member, span), wanted)
    let rows: Row[] = []
    let to = Math.min(span.to, member.series.newest + 1)
    for (let step = firstStepMicros; rows.length < wanted && to > span.from; step *= stepGrowth) {
      const from = Math.max(span.from, to - step)
      rows = [...(await firstRows(pagesOf(member, { from, to }), Infinity)), ...rows]
      to = from
    }
    return rows.slice(-wanted)
  }

  const [only] = members
  if (members.length === 1 && only && !select.descending) {
    for await (const page of pagesOf(only, span)) yield page.map((row) => toOut({ series: only.series, row }))
    return
  }
  const order = (a: Found, b: Found): number => a.row.at - b.row.at || a.place - b.place
  let found: Found[] = []
  const placed = members.map((member, place) => ({ member, place }))
  if (select.descending) placed.sort((a, b) => b.member.series.newest - a.member.series.newest)
  for (const { member, place } of placed) {
    // All that is left of the series is older than what is wanted.
    if (select.descending && found.length >= wanted && member.series.newest < (found[0]?.row.at ?? 0)) break
    for (const row of await gather(member)) found.push({ series: member.series, place, row })
    if (select.descending && wanted !== Infinity) found = found.toSorted(order).slice(-wanted)
  }
  found.sort(order)
  yield (select.descending ? found.toReversed() : found).map(toOut)
}

async function firstRows(pages: AsyncIterable<readonly Row[]>, wanted: number): Promise<Row[]> {
  const rows: Row[] = []
  for await (const page of pages) {
    for (const row of page) rows.push(row)
    if (rows.length >= wanted) break
  }
  return wanted === Infinity ? rows : rows.slice(0, wanted)
}
