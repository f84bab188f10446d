import { HostError } from '../errors.ts'

export const blockBytes = 512

/** What an archive of a plugin may hold; everything else is refused with its name. */
export type TarKind = 'file' | 'folder' | 'pax' | 'pax-global'

export interface TarHeader {
  path: string
  sizeBytes: number
  kind: TarKind
}

const kinds: ReadonlyMap<string, TarKind> = new Map([
  ['0', 'file'],
  ['\0', 'file'],
  ['5', 'folder'],
  ['x', 'pax'],
  ['g', 'pax-global'],
])

/** Entries that are known and refused, in words. */
const refused: ReadonlyMap<string, string> = new Map([
  ['1', 'a hard link'],
  ['2', 'a symbolic link'],
  ['3', 'a character device'],
  ['4', 'a block device'],
  ['6', 'a named pipe'],
  ['7', 'a contiguous file'],
  ['S', 'a sparse file'],
  ['L', 'a name in the GNU form (pack it with npm pack, or tar --format=pax)'],
  ['K', 'a link in the GNU form'],
  ['D', 'a folder list in the GNU form'],
  ['M', 'a part of a split file'],
  ['V', 'a volume label'],
])

export const malformed = (what: string, cause?: unknown): HostError =>
  new HostError('PACKAGE_MALFORMED', `The archive is damaged or no packed plugin: ${what}.`, { cause })

const textOf = (block: Buffer, from: number, length: number): string => {
  const field = block.subarray(from, from + length)
  const end = field.indexOf(0)
  return field.toString('latin1', 0, end === -1 ? length : end)
}

/** Octal digits that end with NUL or space; the binary form for what is too large for them is refused with the rest. */
const numberOf = (block: Buffer, from: number, length: number, what: string): number => {
  const digits = textOf(block, from, length).trim()
  if (!/^[0-7]*$/.test(digits)) throw malformed(`${what} is no octal number`)
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

const assertChecksum = (block: Buffer): void => {
  const said = numberOf(block, 148, 8, 'a checksum')
  let sum = 0
  // The field itself counts as spaces.
  for (let at = 0; at < blockBytes; at += 1) sum += at >= 148 && at < 156 ? 32 : (block[at] ?? 0)
  if (sum !== said) throw malformed('a checksum does not fit its header')
}

export const isEnd = (block: Buffer): boolean => block.every((byte) => byte === 0)

/** Reads one header of the ustar or pax form. */
export function readTarHeader(block: Buffer): TarHeader {
  assertChecksum(block)
  const magic = block.toString('latin1', 257, 265)
  const isGnu = magic === 'ustar  \0'
  if (magic !== 'ustar\u000000' && !isGnu) throw malformed('a header is neither in the ustar nor in the pax form')
  const name = textOf(block, 0, 100)
  // In the GNU form these bytes are times.
  const prefix = isGnu ? '' : textOf(block, 345, 155)
  const path = prefix === '' ? name : `${prefix}/${name}`
  const type = String.fromCharCode(block[156] ?? 0)
  const kind = kinds.get(type)
  if (kind === undefined)
    throw new HostError(
      'PACKAGE_ENTRY_REFUSED',
      `The archive holds ${refused.get(type) ?? 'an entry of an unknown kind'} (${JSON.stringify(path.slice(0, 100))}); only plain files may be in a plugin.`,
    )
  const sizeBytes = numberOf(block, 124, 12, 'a size')
  if (kind === 'folder' && sizeBytes !== 0) throw malformed('a folder has content')
  return { path, sizeBytes, kind }
}
