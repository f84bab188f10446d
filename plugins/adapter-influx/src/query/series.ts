import type { Value } from './evaluate.ts'

export type FieldType = 'float' | 'string' | 'boolean'

/** Fields of one series at one time; `values` stand in the order that was asked for. */
export interface Row {
  at: number
  values: Value[]
}

/** µs; `to` exclusive. */
export interface Span {
  from: number
  to: number
}

/** What the store has rolled up of one field: buckets of `step` µs that begin at multiples of it, counted from `from`. */
export type RolledName = 'avg' | 'min' | 'max' | 'sum' | 'count' | 'first' | 'last'

/** One series: points of one set of tags. */
export interface Series {
  readonly tags: ReadonlyMap<string, string>
  readonly fields: ReadonlyMap<string, FieldType>
  /** '' for a tag that it does not have; other names of the device tag are understood here. */
  tag(name: string): string
  /** The newest time of any of its fields. */
  readonly newest: number
  /** The newest point of a field, where it is known without a read. */
  last?(field: string): { at: number; value: Value } | undefined
  /** Rows ascending that have one of the fields at least, in pages. */
  rows(fields: readonly string[], span: Span): AsyncIterable<readonly Row[]>
  /** Left out by series that are no series of the store. Undefined when the store cannot aggregate the field so. */
  rolled?(
    field: string,
    span: Span,
    step: number,
    name: RolledName,
  ): Promise<readonly { at: number; value: Value }[] | undefined>
}

export interface Measurement {
  readonly name: string
  readonly series: readonly Series[]
  /** Names of tags, sorted. */
  readonly tagNames: readonly string[]
  /** Names of fields, sorted. */
  readonly fieldNames: readonly string[]
  isTag(name: string): boolean
}

export const typeOf = (series: readonly Series[], field: string): FieldType | undefined => {
  for (const each of series) {
    const type = each.fields.get(field)
    if (type) return type
  }
  return undefined
}

/** The order of names and tags in InfluxDB: by bytes. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export function toMeasurement(name: string, series: readonly Series[], isTag: (name: string) => boolean): Measurement {
  const tags = new Set(series.flatMap((each) => [...each.tags.keys()]))
  const fields = new Set(series.flatMap((each) => [...each.fields.keys()]))
  return {
    name,
    series,
    tagNames: [...tags].toSorted(byText),
    fieldNames: [...fields].toSorted(byText),
    isTag: (each) => tags.has(each) || (!fields.has(each) && isTag(each)),
  }
}
