import { HostError } from '../errors.ts'

/** What an archive of a plugin may take. The product has one set; tests make it smaller. */
export interface ArchiveLimits {
  /** As it is sent. */
  packedBytes: number
  /** Everything that comes out of it, headers and padding too. */
  unpackedBytes: number
  fileBytes: number
  /** Files, folders and extended headers. */
  entries: number
  /** Unpacked to packed, looked at from the first MiB on. */
  ratio: number
  paxBytes: number
}

const mebibyte = 1024 * 1024
export const archiveLimits: ArchiveLimits = {
  packedBytes: 20 * mebibyte,
  unpackedBytes: 50 * mebibyte,
  fileBytes: 16 * mebibyte,
  entries: 1000,
  ratio: 100,
  paxBytes: 16 * 1024,
}
/** Small archives of much air are fine. */
export const ratioFromBytes = mebibyte

export const tooLarge = (what: string): HostError =>
  new HostError('PACKAGE_TOO_LARGE', `The archive is refused: ${what}. A plugin is one packed file with its manifest.`)
