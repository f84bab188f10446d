import { type ImportRow, maxImportRows } from '@patchbay/core/devices/device-import'
import { RestError } from '../rest/errors.ts'

const columns = new Set(['id', 'name', 'type', 'tags'])

interface Parsed {
  record: Record<string, string>
  info: { lines: number }
}
const isParsed = (row: unknown): row is Parsed =>
  typeof row === 'object' && row !== null && 'record' in row && 'info' in row

/** Reads the lines of a device import. Refused whole when it is no CSV or has a column that is not known; single lines fail later, each for itself. */
export const readDeviceRows = async (text: string): Promise<ImportRow[]> => {
  // Loaded with the first import: most installations never need the 4 MB.
  const { CsvError, parse } = await import('csv-parse/sync')
  try {
    const rows: unknown[] = parse(text, {
      bom: true,
      columns: (header: string[]) => {
        const unknown = header.find((name) => !columns.has(name.trim().toLowerCase()))
        if (unknown !== undefined) {
          throw new RestError(
            'REQUEST_INVALID',
            `The column ${JSON.stringify(unknown)} is not known. Use id, name, type and tags.`,
          )
        }
        return header.map((name) => name.trim().toLowerCase())
      },
      info: true,
      skip_empty_lines: true,
      to: maxImportRows + 1,
      max_record_size: 16_384,
    })
    return rows.filter(isParsed).map(({ record, info }) => ({ ...record, line: info.lines }))
  } catch (cause) {
    if (cause instanceof CsvError)
      throw new RestError('REQUEST_INVALID', `The CSV cannot be read: ${cause.message}.`, { cause })
    throw cause
  }
}
