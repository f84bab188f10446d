import type { RecordValue, SinkRecord } from '@patchbay/sdk'
import { toFieldValue, toMeasurement, toTag } from '@patchbay/sdk/line-protocol'

/** Line protocol of records. */
export interface Lines {
  /** Empty for a record of which nothing goes out. */
  of(record: SinkRecord): string
}

/** Names that a point has for itself. */
const taken = new Set(['time', 'device'])

/** Fills `{key}`, `{device}` and `{type}` in. */
export const fillName = (template: string, { device, type }: SinkRecord, key: string): string =>
  template.replaceAll(/\{(key|device|type)\}/g, (_, name: string) =>
    name === 'key' ? key : name === 'device' ? device : type,
  )

export function createLines({ measurement, numbersOnly }: { measurement: string; numbersOnly: boolean }): Lines {
  const goes = (value: RecordValue): boolean => !numbersOnly || typeof value === 'number' || typeof value === 'boolean'
  const isKey = measurement === '{key}'

  const byKey = (record: SinkRecord): string => {
    const rest = `,device=${toTag(record.device)} value=`
    let text = ''
    for (const [key, value] of Object.entries(record.values))
      if (goes(value))
        text += `${toMeasurement(isKey ? key : fillName(measurement, record, key))}${rest}${toFieldValue(value)} ${record.at}\n`
    return text
  }
  const byRecord = (record: SinkRecord): string => {
    const fields: string[] = []
    for (const [key, value] of Object.entries(record.values))
      if (goes(value)) fields.push(`${toTag(taken.has(key) ? `${key}_` : key)}=${toFieldValue(value)}`)
    if (fields.length === 0) return ''
    return `${toMeasurement(fillName(measurement, record, ''))},device=${toTag(record.device)} ${fields.join(',')} ${record.at}\n`
  }
  return { of: measurement.includes('{key}') ? byKey : byRecord }
}
