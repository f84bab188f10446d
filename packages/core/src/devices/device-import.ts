import type { DeviceLogin, NewDevice } from '@patchbay/contracts/device'
import { DomainError } from '../errors.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import type { Devices } from './directory.ts'

/** Lines of one import. */
export const maxImportRows = 10_000
/** Lines made at the same time, so that they share the store's commits. */
const importWidth = 16

/** A line as parsed; an empty text is as good as absent. Several tags in one text are parted by `;`. */
export interface ImportRow {
  id?: string
  name?: string
  type?: string
  tags?: string | readonly string[]
  /** Line of the file; without it, counted from 2, under the header. */
  line?: number
}

export interface ImportReport {
  line: number
  id?: string
  ok: boolean
  credentials?: DeviceLogin
  code?: string
  detail?: string
}

/** Makes a device of each line. A line that fails does not stop the others: the report holds their secrets. */
export async function importDevices(
  devices: Pick<Devices, 'create'>,
  rows: readonly ImportRow[],
): Promise<ImportReport[]> {
  if (rows.length > maxImportRows) {
    throw new DomainError('FIELD_INVALID', `An import has at most ${maxImportRows} lines; this one has ${rows.length}.`)
  }
  const report: ImportReport[] = []
  for (let start = 0; start < rows.length; start += importWidth) {
    const lines = rows.slice(start, start + importWidth).map((row, at) => importRow(devices, row, start + at + 2))
    report.push(...(await Promise.all(lines)))
  }
  return report
}

async function importRow(devices: Pick<Devices, 'create'>, row: ImportRow, number: number): Promise<ImportReport> {
  const line = row.line ?? number
  const input = toNewDevice(row)
  try {
    const { device, credentials } = await devices.create(input)
    return { line, id: device.id, ok: true, credentials }
  } catch (error) {
    const id = input.id === undefined ? {} : { id: input.id }
    if (error instanceof DomainError) {
      const wrong = error.fields.map(({ path, message }) => `${path.slice(1)} ${message}`).join('; ')
      return { line, ...id, ok: false, code: error.code, detail: wrong ? `${error.message} (${wrong})` : error.message }
    }
    if (error instanceof StoreUnavailable) {
      return { line, ...id, ok: false, code: 'STORE_UNAVAILABLE', detail: 'The store cannot take this now.' }
    }
    throw error
  }
}

function toNewDevice({ id, name, type, tags }: ImportRow): NewDevice {
  const list = typeof tags === 'string' ? tags.split(';').map((tag) => tag.trim()) : (tags ?? [])
  const named = [...new Set(list.filter((tag) => tag !== ''))]
  return {
    ...(id?.trim() ? { id: id.trim() } : {}),
    ...(name?.trim() ? { name: name.trim() } : {}),
    ...(type?.trim() ? { type: type.trim() } : {}),
    ...(named.length > 0 ? { tags: named } : {}),
  }
}
