import type { TelemetryReader } from '@patchbay/sdk'
import type { InfluxConfig } from '../config.ts'
import type { NameBook } from '../name-book.ts'
import type { From } from './ast.ts'
import type { Budget } from './budget.ts'
import { StatementError } from './failures.ts'
import { queryLimits } from './limits.ts'
import { toMatcher } from './pattern.ts'
import { byText, type Measurement, type Series, toMeasurement } from './series.ts'
import { createStoredSeries, type StoredField, type StoredSeries, typeOfValue } from './stored-series.ts'

/** The measurements that somebody may read, as clients of InfluxDB see them. */
export interface Catalogue {
  /** Sorted by name; `mayBe` leaves devices out whose keys need not be looked at. */
  measurements(from: readonly From[], mayBe?: (device: string) => boolean): Promise<Measurement[]>
}

export interface CatalogueParts {
  reader: TelemetryReader
  names: NameBook
  config: InfluxConfig
  budget: Budget
}

type Fields = Map<string, StoredField>

const chooses = (from: readonly From[]): ((name: string) => boolean) => {
  if (from.length === 0) return () => true
  const tests = from.map((each) => {
    if (each.kind === 'name') return (name: string) => name === each.name
    return each.kind === 'pattern' ? toMatcher(each.pattern) : () => false
  })
  return (name) => tests.some((test) => test(name))
}

export function createCatalogue({ reader, names, config, budget }: CatalogueParts): Catalogue {
  const { deviceTag, fallbackTag } = config

  /** Adds what one device has to the measurements that are wanted. */
  function sort(
    device: string,
    latest: Awaited<ReturnType<TelemetryReader['latest']>>,
    isWanted: (name: string) => boolean,
    into: Map<string, Series[]>,
  ): void {
    const found = new Map<string, { measurement: string; tags: StoredSeries['tags']; fields: Fields; newest: number }>()
    for (const [key, { at, value }] of Object.entries(latest)) {
      const { measurement, tags, field } = names.of(key)
      if (!isWanted(measurement)) continue
      const id = JSON.stringify([measurement, tags])
      let entry = found.get(id)
      if (!entry) {
        const own = [...tags, [deviceTag, device] as const].toSorted(([one], [other]) => byText(one, other))
        found.set(id, (entry = { measurement, tags: new Map(own), fields: new Map(), newest: 0 }))
      }
      const known = entry.fields.get(field)
      if (!known) entry.fields.set(field, { keys: [key], type: typeOfValue(value), last: { at, value } })
      else {
        known.keys.push(key)
        if (at >= known.last.at) known.last = { at, value }
      }
      entry.newest = Math.max(entry.newest, at)
    }
    for (const { measurement, ...series } of found.values()) {
      const list = into.get(measurement) ?? []
      into.set(measurement, list)
      list.push(createStoredSeries({ device, fallbackTag, ...series }, reader, budget))
    }
  }

  return {
    async measurements(from, mayBe = () => true) {
      const isWanted = chooses(from)
      const devices: string[] = []
      for (const device of reader.devices()) if (mayBe(device)) devices.push(device)
      if (devices.length > queryLimits.devices)
        throw new StatementError(`more than ${queryLimits.devices} devices: name some by ${deviceTag} in WHERE`)
      devices.sort(byText)
      const found = new Map<string, Series[]>()
      for (let start = 0; start < devices.length; start += queryLimits.reads) {
        const some = devices.slice(start, start + queryLimits.reads)
        const all = await Promise.all(some.map((device) => reader.latest(device, budget.signal)))
        for (const [index, latest] of all.entries()) sort(some[index] ?? '', latest, isWanted, found)
      }
      const isTag = (name: string): boolean => name === deviceTag || (fallbackTag !== '' && name === fallbackTag)
      return [...found]
        .toSorted(([a], [b]) => byText(a, b))
        .map(([name, series]) => toMeasurement(name, inOrder(series), isTag))
    },
  }
}

/** The order of InfluxDB: by the texts of the tags. */
const inOrder = (list: readonly Series[]): Series[] =>
  list
    .map((series) => ({ series, text: JSON.stringify([...series.tags]) }))
    .toSorted((a, b) => byText(a.text, b.text))
    .map(({ series }) => series)
