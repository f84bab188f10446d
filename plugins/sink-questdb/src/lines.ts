import type { RecordValue, SinkRecord } from '@patchbay/sdk'
import { type NameTemplate, readNameTemplate } from '@patchbay/sdk/sink'
import { toFieldValue, toTag } from '@patchbay/sdk/line-protocol'
import { toColumn, toTable } from './names.ts'

/** A line and the table that it goes to. */
export interface Line {
  table: string
  /** What the column `value` holds, where the table is of one key. */
  value?: RecordValue
  text: string
}

export type ToLines = (record: SinkRecord) => readonly Line[]

const special = /["\\\n\r]/g

const byKey: ToLines = ({ device, at, values }) => {
  const tag = toTag(device)
  return Object.entries(values).map(([key, value]) => {
    const table = toTable(key)
    return { table, value, text: `${table},device=${tag} value=${toFieldValue(value, special)} ${at}\n` }
  })
}

/** Reads the template of the table; throws BadConfig. */
export const readTable = (text: string): NameTemplate =>
  readNameTemplate({ path: '/table', text, fields: ['device', 'type', 'tag'], clean: toTable })

const byRecord =
  (template: NameTemplate): ToLines =>
  (record) => {
    const { device, at, values } = record
    const table = toTable(template.of(record))
    const fields = Object.entries(values).map(([key, value]) => `${toColumn(key)}=${toFieldValue(value, special)}`)
    return fields.length === 0 ? [] : [{ table, text: `${table},device=${toTag(device)} ${fields.join(',')} ${at}\n` }]
  }

/** Lines of a record: a table a key, or one table with a column a key. */
export const createLines = (table: string | undefined): ToLines =>
  table === undefined ? byKey : byRecord(readTable(table))
