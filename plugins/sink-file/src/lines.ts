import type { RecordValue, SinkRecord } from '@patchbay/sdk'
import { toIsoMicros, toJsonLine } from '@patchbay/sdk/sink'

export type Format = 'jsonl' | 'csv'

/** Turns records into the lines of a file. */
export interface Lines {
  /** What a new file begins with. */
  readonly head: string
  of(records: readonly SinkRecord[]): string
}

const kindOf = (value: RecordValue): string =>
  typeof value === 'object' ? 'json' : typeof value === 'string' ? 'text' : typeof value

const textOf = (value: RecordValue): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

/** RFC 4180: quoted where it must be. */
const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

const jsonLines: Lines = {
  head: '',
  of: (records) => records.map((record) => `${toJsonLine(record)}\n`).join(''),
}

const csv: Lines = {
  head: 'device,at,key,kind,value\n',
  of: (records) =>
    records
      .flatMap(({ device, at, values }) =>
        Object.entries(values).map(
          ([key, value]) => `${cell(device)},${toIsoMicros(at)},${cell(key)},${kindOf(value)},${cell(textOf(value))}\n`,
        ),
      )
      .join(''),
}

export const linesOf = (format: Format): Lines => (format === 'csv' ? csv : jsonLines)
