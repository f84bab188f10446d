import { HostError } from '../errors.ts'
import { malformed } from './tar-header.ts'

/** What an extended header may change of the entry after it. All else in it (times, owners) is of no use here. */
export interface Pax {
  path?: string
  sizeBytes?: number
}

const newline = 10
const space = 32
const maxLengthDigits = 6

const toSize = (value: string): number => {
  if (!/^\d{1,15}$/.test(value)) throw malformed('an extended size is no number')
  return Number(value)
}

/** Records of `length key=value` and a newline, strictly: a length that does not end on its newline is refused. */
export function readPax(bytes: Buffer): Pax {
  const pax: Pax = {}
  for (let at = 0; at < bytes.length;) {
    const gap = bytes.indexOf(space, at)
    const digits = gap === -1 ? '' : bytes.toString('latin1', at, gap)
    if (digits.length > maxLengthDigits || !/^[1-9]\d*$/.test(digits))
      throw malformed('an extended header has no length')
    const end = at + Number(digits)
    if (end > bytes.length || end <= gap + 1 || bytes[end - 1] !== newline)
      throw malformed('an extended header has a wrong length')
    const record = bytes.toString('utf8', gap + 1, end - 1)
    const equals = record.indexOf('=')
    if (equals < 1) throw malformed('an extended header has no key')
    const key = record.slice(0, equals)
    const value = record.slice(equals + 1)
    if (key.startsWith('GNU.sparse'))
      throw new HostError(
        'PACKAGE_ENTRY_REFUSED',
        'The archive holds a sparse file; only plain files may be in a plugin.',
      )
    if (key === 'path') pax.path = value
    if (key === 'size') pax.sizeBytes = toSize(value)
    at = end
  }
  return pax
}
