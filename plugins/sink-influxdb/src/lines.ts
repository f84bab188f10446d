import type { RecordValue, SinkRecord } from '@patchbay/sdk'
import { type NameTemplate, readNameTemplate } from '@patchbay/sdk/sink'
import { toFieldValue, toMeasurement, toTag } from '@patchbay/sdk/line-protocol'

/** Line protocol of records. */
export interface Lines {
  /** Empty for a record of which nothing goes out. */
  of(record: SinkRecord): string
}

/** Names that a point has for itself. */
const taken = new Set(['time', 'device'])

/** Reads the template of the measurement; throws BadConfig. What is put in is cleaned with the whole name, by the protocol's own spelling. */
export const readMeasurement = (text: string): NameTemplate =>
  readNameTemplate({ path: '/measurement', text, fields: ['key', 'device', 'type', 'tag'], clean: (value) => value })

export function createLines({ measurement, numbersOnly }: { measurement: string; numbersOnly: boolean }): Lines {
  const goes = (value: RecordValue): boolean => !numbersOnly || typeof value === 'number' || typeof value === 'boolean'
  const name = readMeasurement(measurement)
  const isKey = measurement === '{key}'

  const byKey = (record: SinkRecord): string => {
    const rest = `,device=${toTag(record.device)} value=`
    let text = ''
    for (const [key, value] of Object.entries(record.values))
      if (goes(value))
        text += `${toMeasurement(isKey ? key : name.of(record, key))}${rest}${toFieldValue(value)} ${record.at}\n`
    return text
  }
  const byRecord = (record: SinkRecord): string => {
    const fields: string[] = []
    for (const [key, value] of Object.entries(record.values))
      if (goes(value)) fields.push(`${toTag(taken.has(key) ? `${key}_` : key)}=${toFieldValue(value)}`)
    if (fields.length === 0) return ''
    return `${toMeasurement(name.of(record))},device=${toTag(record.device)} ${fields.join(',')} ${record.at}\n`
  }
  return { of: name.byKey ? byKey : byRecord }
}
