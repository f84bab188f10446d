import type { Chosen, Show } from './ast.ts'
import type { Budget } from './budget.ts'
import type { Catalogue } from './catalogue.ts'
import { toMembers } from './group.ts'
import { toMatcher } from './pattern.ts'
import { byText, type Measurement, type Series, typeOf } from './series.ts'
import { holdsForTags } from './tag-condition.ts'
import { splitWhere } from './time-range.ts'

/** A table of an answer that is no points. */
export interface Table {
  name?: string
  columns: string[]
  rows: (string | number | boolean)[][]
}

export interface ShowContext {
  catalogue: Catalogue
  budget: Budget
  nowMicros: number
  deviceTag: string
}

const chooser = (chosen: Chosen | undefined): ((name: string) => boolean) => {
  if (!chosen) return () => true
  if ('pattern' in chosen) {
    const matches = toMatcher(chosen.pattern)
    return (name) => matches(name) === (chosen.op === '=~')
  }
  return (name) => chosen.names.includes(name) === (chosen.op === '=')
}

const page = <T>(list: readonly T[], limit: number | undefined, offset = 0): T[] =>
  list.slice(offset, limit === undefined || limit === 0 ? undefined : offset + limit)

const escape = (text: string, what: RegExp): string => text.replaceAll(what, '\\$&')
const keyOf = (name: string, { tags }: Series): string =>
  escape(name, /[, ]/g) +
  [...tags].map(([tag, value]) => `,${escape(tag, /[,= ]/g)}=${escape(value, /[,= ]/g)}`).join('')

function valuesOf(series: readonly Series[], show: Show, tagNames: readonly string[]): string[][] {
  const isChosen = chooser(show.with)
  // Another name of the device's tag is answered to who asks for it by name.
  const asked = show.with && 'names' in show.with && show.with.op === '=' ? show.with.names : []
  const names = [...new Set([...tagNames.filter(isChosen), ...asked])].toSorted(byText)
  return names.flatMap((name) =>
    [...new Set(series.map((each) => each.tag(name)))]
      .filter((value) => value !== '')
      .toSorted(byText)
      .map((value) => [name, value]),
  )
}

/** Answers SHOW MEASUREMENTS, TAG KEYS, TAG VALUES, FIELD KEYS and SERIES. The time in a condition does not count: what there is is shown. */
export async function runShow(show: Show, { catalogue, budget, nowMicros, deviceTag }: ShowContext): Promise<Table[]> {
  const { rest } = splitWhere(show.where, nowMicros)
  const mayBe = (device: string): boolean =>
    !rest || holdsForTags(rest, (name) => (name === deviceTag ? device : undefined)) !== false
  const all = await catalogue.measurements(show.from, mayBe)
  const found = all.flatMap((measurement): { measurement: Measurement; series: Series[] }[] => {
    const series = toMembers(measurement, rest).flatMap((member) => (member.condition ? [] : [member.series]))
    budget.series(series.length)
    return series.length > 0 ? [{ measurement, series }] : []
  })
  if (show.what === 'measurements') {
    const names = found.map(({ measurement }) => measurement.name).filter(chooser(show.with))
    return toTables([
      { name: 'measurements', columns: ['name'], rows: page(names, show.limit, show.offset).map((name) => [name]) },
    ])
  }
  if (show.what === 'series') {
    const keys = found.flatMap(({ measurement, series }) => series.map((each) => [keyOf(measurement.name, each)]))
    return toTables([{ columns: ['key'], rows: page(keys, show.limit, show.offset) }])
  }
  const tables = found.map(({ measurement, series }): Table => {
    const { name } = measurement
    const tagNames = measurement.tagNames.filter((tag) => series.some((each) => each.tags.has(tag)))
    if (show.what === 'tag keys') return { name, columns: ['tagKey'], rows: tagNames.map((tag) => [tag]) }
    if (show.what === 'tag values') return { name, columns: ['key', 'value'], rows: valuesOf(series, show, tagNames) }
    const fields = measurement.fieldNames.map((field) => [field, typeOf(series, field) ?? 'float'])
    return { name, columns: ['fieldKey', 'fieldType'], rows: fields }
  })
  const some = page(toTables(tables), show.slimit, show.soffset)
  return toTables(some.map((table) => ({ ...table, rows: page(table.rows, show.limit, show.offset) })))
}

const toTables = (tables: readonly Table[]): Table[] => tables.filter(({ rows }) => rows.length > 0)
